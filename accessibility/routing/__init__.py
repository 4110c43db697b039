"""A network and positions -> seconds."""
