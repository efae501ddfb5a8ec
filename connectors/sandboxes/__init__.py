"""What the stand-ins of all platforms are made of: a server on loopback, faults by rate, and desks whose past is replayed."""
