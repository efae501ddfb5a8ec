"""Connectors to helpdesk platforms. They know the ticket and the escalation, nothing else of hoist."""
