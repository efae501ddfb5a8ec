"""One imitated ServiceNow instance."""
