"""From where on the lint speaks: one place for its numbers. They are ours, chosen so that a person would look, too."""

from __future__ import annotations

SCORE_MIN = 0.01
"""A finding that explains less than a hundredth of the plan is not said."""
ROWS_MIN = 1_000
"""Fewer rows than this (in all loops) are not worth a word, whatever becomes of them."""
THROWN_AWAY_MIN = 0.9
"""Share of the rows of a scan that its filter throws away."""
INDEX_THROWN_AWAY_MIN = 0.75
"""The same behind an index: it should have found the right ones."""
MISESTIMATE_MIN = 10.0
"""How far an estimate of rows is off before it counts: a factor, either way."""
MISESTIMATE_SCORE_MIN = 0.05
LOOPS_MIN = 100
"""So often has something to run to be called a loop."""
PAGES_MIN = 50
"""Pages that a scan of an index touches before it is asked whether it had to read all of it."""
HEAP_FETCHES_MIN = 0.1
"""Share of an index-only scan's rows that it had to look up in the table after all."""
STALE_MIN = 0.2
"""Share of a table's rows that changed since ANALYZE looked (twice autovacuum's default)."""
MEMBERS_MIN = 4
"""Partitions below an Append."""
MEMBERS_EMPTY_MIN = 0.75
"""Share of them that gave no row."""
IO_MIN = 0.3
"""Share of the time in which pages were waited for."""
IO_MS_MIN = 5.0
"""So long were they waited for, at least: a small statement's first run reads a few pages, whatever is done."""
IO_PAGES_MIN = 50
JIT_MIN = 0.1
"""Share of the time in which the server compiled."""
JIT_MS_MIN = 5.0
TRIGGERS_MIN = 0.1
TRIGGERS_MS_MIN = 1.0
OWN_MS_MIN = 0.5
"""What explains less of the time than this is not said where a rule counts no rows and no pages."""
HEAP_FETCHES_ROWS_MIN = 100
PLANNING_MIN = 0.5
"""Planning's share of planning and execution together."""
PLANNING_MS_MIN = 2.0
SKIPPED_MIN = 10.0
"""Rows that an OFFSET throws away, for each that it gives."""
SORTED_FOR_LIMIT_MIN = 100.0
"""Rows that were sorted, for each that a LIMIT took."""
FORBIDDEN_COST = 1e10
"""What a step costs more that a setting forbids, until version 17."""
