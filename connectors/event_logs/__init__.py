"""Event logs of other desks as tickets: histories without a connection, for backtests and audits."""
