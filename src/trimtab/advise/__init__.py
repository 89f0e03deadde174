"""What to change: proposals with predicted effect."""
