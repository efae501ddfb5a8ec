"""Which rules hold, where they come from, and whether they fit a source."""
