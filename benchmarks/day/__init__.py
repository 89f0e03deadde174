"""The parts of a believable day: shapes, what they did, the spans of their callers, and the cases that came of it."""
