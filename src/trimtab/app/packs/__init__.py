"""Packs: rules and objectives for a kind of system, as data files in the package, each threshold with its source."""
