"""The shop: seven tables, one and a half years of growth in half a minute, made by the server itself from a seed."""
