"""The journal beyond its table: sealed, verified, exported, erased, replayed."""
