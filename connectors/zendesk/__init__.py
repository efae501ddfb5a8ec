"""The zendesk connector."""
