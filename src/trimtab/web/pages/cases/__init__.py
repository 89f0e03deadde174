"""The pages of cases: the list, one case from finding to verdict, and what a person decides about it."""
