"""Clients of what others run: each comes in by entry point, and knows nothing of the house but `model` and `extend`."""
