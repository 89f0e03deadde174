"""Changes of level."""
