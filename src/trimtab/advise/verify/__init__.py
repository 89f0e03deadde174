"""Advice tried on a clone: old and new in turn, real indexes, real rows; nothing of it stays there."""
