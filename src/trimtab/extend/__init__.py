"""Contracts that plug-ins satisfy, and the registry that finds them by entry point."""
