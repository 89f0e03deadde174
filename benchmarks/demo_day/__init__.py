"""A day of the demo: the shop under a day's load, five real faults, and what trimtab notices of them, and when.

Everything is real: a private PostgreSQL, the shop's application with its spans and metrics, `trimtab up` beside it. The
faults are real, too: a neighbour that keeps the disk busy, sessions that lock tables, statistics that turn a plan, an
application that grows, three times the visitors. Only the truth is kept apart: when they begin is drawn from the seed,
in a process that the server never hears of.

**The clock is compressed.** One second (`--minute-s`) stands for one minute: a day takes 24 minutes, "within 10
minutes" is 10 seconds, and a slice of the server (`[watch] slice_s`) is a minute. The server is told two things of it:
how often to look, and how long a season is (1440 s for 86,400 s). No threshold is told. That does not make it easier:

* A test sees one number a minute: ten until the limit. On a real clock, with slices of 5 s, it would see 120.
* A slice holds the statements of one second, not of sixty: a statement that comes three times a second has counts of
  3 ± 1.7 where the real minute has 180 ± 13, and means of three executions. Noise is about eight times as large.
* What is not of the shop is not compressed. A checkpoint, an autovacuum, a look at tables each 30 s, another program on
  the machine: what takes ten seconds is ten minutes of this day.
* The facts' way into the store takes its real second or two, which are minutes here; so the table has two columns: when
  the episode begins by its own account, and when the API first told it.

What it does make easier: a day has no week in it, and one quiet day before it is all the history there is.
"""
