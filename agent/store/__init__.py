"""hoist's own tables, and the narrow functions through which the stages touch them. Every function takes an open transaction."""
