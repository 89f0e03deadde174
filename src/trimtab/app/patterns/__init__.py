"""Patterns of what pages draw and of what a person names: looked for by the hour, kept, told with what would follow."""
