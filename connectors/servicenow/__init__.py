"""The servicenow connector."""
