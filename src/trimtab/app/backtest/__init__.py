"""What a rule or an objective would have said over stored history."""
