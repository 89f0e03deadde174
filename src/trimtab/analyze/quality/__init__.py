"""How good data is: a score that shows what it is made of, and what nobody knows."""
