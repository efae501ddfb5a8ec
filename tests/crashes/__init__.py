"""hoist as a process of its own beside a helpdesk in another one: killed, stopped, starved of disk, and started again."""
