"""Wiring: configuration, the loop's clock, one service method for each thing a user can do."""
