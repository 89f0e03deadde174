"""Where a series moved to another level, by how much, and how sure that is.

`change_points` looks at one series (live, or one number a commit), `change_points_of_many` at a whole suite at once.
"""

from trimtab.analyze.changes.find import change_points, change_points_of_many
from trimtab.analyze.changes.nouns import ChangePoint

__all__ = ["ChangePoint", "change_points", "change_points_of_many"]
