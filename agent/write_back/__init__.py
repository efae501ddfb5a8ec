"""From a row of the outbox to the helpdesk and back: claim, read afresh, send, settle."""
