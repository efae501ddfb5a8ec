"""Look before you leap: what changed rules would do, bringing exactly that into force, and what escalates next."""
