"""The parts of the Jira sandbox: one imitated site on loopback. Knows nothing of hoist's own Jira client, wire or mapping."""
