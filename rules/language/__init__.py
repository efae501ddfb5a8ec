"""The language in which people write the protocol: YAML with places, the typed models of it, and what is wrong in it."""
