"""`/objectives`: what was promised, and what is left of it."""
