"""What keeps due changes from being written: pauses, limits, approvals."""
