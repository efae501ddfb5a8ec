"""The imitated Zendesk account behind the sandbox."""
