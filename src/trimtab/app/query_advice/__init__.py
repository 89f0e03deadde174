"""Everything that would make one query faster, together: indexes, other spellings, what its plan shows."""
