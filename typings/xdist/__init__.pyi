"""The part of pytest-xdist that the project's own dealing out of files uses (pytest-xdist carries no types)."""
