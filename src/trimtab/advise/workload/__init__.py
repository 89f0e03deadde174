"""Advice for a whole workload: which indexes together, within a budget, and how far from the optimum that can be."""
