"""What processing costs: a price list, measured use, a budget, and what the month will come to."""
