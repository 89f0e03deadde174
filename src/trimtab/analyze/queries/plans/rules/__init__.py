"""The rules of the lint, by what they are about."""
