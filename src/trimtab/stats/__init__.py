"""Statistics on NumPy arrays: no clock, no store, no network."""
