"""Which of the server's error codes blame the machine or its rights, not what was sent: the same may be tried again."""

from __future__ import annotations

NETWORK = 210
"""NETWORK_ERROR, also for what the network itself says."""
UNKNOWN_TABLE, UNKNOWN_DATABASE = 60, 81

MACHINE_CODES = frozenset(
    {
        *{74, 75, 76, 173, 236, 243, 252, 394, 439, 473},  # cannot read, write, open, allocate; no room, too many parts
        *{159, 160, 202, 209, NETWORK, 279, 425},  # too slow, too many at a time, sockets
        *{164, 242, 285, 286, 319, 415, 999},  # read-only, replicas and their keeper
        *{192, 193, 194, 497, 516},  # who we are, and what we may
        *{UNKNOWN_TABLE, UNKNOWN_DATABASE, 218},  # somebody removed tables under us
        *{201, 241},  # quota, memory
    }
)
"""For who writes: it waits and tries again."""

ABSENT_CODES = frozenset({202, 209, NETWORK, 279, 516, UNKNOWN_TABLE, UNKNOWN_DATABASE, 999})
"""For who reads: a shard that says this does not answer now; what the others say is a partial answer."""
