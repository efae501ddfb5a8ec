"""`hoist demo`: a sandbox helpdesk and the agent on one stepped clock, and a summary that is checked against the helpdesk's own record."""
