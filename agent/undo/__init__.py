"""Taking back what hoist wrote, and rehearsing an escalation."""
