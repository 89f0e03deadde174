"""`/infrastructure/cloud`: what clouds tell."""
