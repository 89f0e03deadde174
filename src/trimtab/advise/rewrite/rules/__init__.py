"""The catalogue of rules: one file each, with its golden pairs."""
