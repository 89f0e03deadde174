"""Keep processes on a leash: whatever happens to the demo, nothing it started stays."""
