"""`hoist demo`: a sandbox helpdesk and the agent on one stepped clock, and a summary checked by the helpdesk's own record."""
