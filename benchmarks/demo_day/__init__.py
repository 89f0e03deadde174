"""A day of the demo: the shop under a day's load, five real faults, and what trimtab notices of them, and when.

Everything is real: a private PostgreSQL, the shop's application with its spans and metrics, `trimtab up` beside it. The
faults are real, too: a neighbour that keeps the disk busy, sessions that lock tables, statistics that turn a plan, an
application that grows, three times the visitors. Only the truth is kept apart: when they begin is drawn from the seed,
in a process that the server never hears of.

**The clock is compressed.** A second (`--minute-s`) stands for one minute: a day takes 24 minutes, "within 10 minutes"
is 10 seconds. The server is told how often to look, and what it counts by the day or by the minute: how many episodes
of a day may be false, how long a quiet one goes on. No threshold is told. That does not make it easier:

* A series has one row a minute: ten until the limit. On a real clock, each 15 s, it has forty.
* A series is young: a quiet day before is 1,440 rows (half a day at half a second a minute is 360), where a server that
  has watched for a real day has 5,760. What was seen seldom is taken for possible.
* A row holds the statements of one second, not of fifteen: a statement that comes three times a second has counts of
  3 ± 1.7 where fifteen real seconds have 45 ± 6.7, and means of three executions. Noise is about four times as large.
* What is not of the shop is not compressed: a checkpoint, an autovacuum, a look at tables each 30 s, rates of spans
  each 15 s, another program on the machine. What takes ten seconds is ten minutes of this day.
* Hours are real, so that no time of day is learnt: the night's reports are new each night, but for what was seen.
* The facts' way into the store takes its real second or two, which are minutes here; so the table has two columns: when
  the episode begins by its own account, and when the API first told it.

What it does make easier: a day has no week in it, and nothing is deployed.
"""
