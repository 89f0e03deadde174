"""SQL as text and as a tree: fingerprints, identifiers, allow-lists, connections without secrets."""
