"""Every ticket of a source by its id: whether the mirror is whole."""
