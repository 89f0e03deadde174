"""Objectives: read from files, counted in slices, budgets and burn rates from sums of counts."""
