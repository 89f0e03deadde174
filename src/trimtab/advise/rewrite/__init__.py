"""Rewrites: other spellings of a statement that give the same rows for less work, each with its certificate."""
