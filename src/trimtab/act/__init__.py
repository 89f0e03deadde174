"""Change it safely: checks, checkpoint, apply, watch, keep or take back."""
