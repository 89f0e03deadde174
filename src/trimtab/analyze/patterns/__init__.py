"""What repeats in series of numbers: cycles, bursts, knees, leads, leaks, saw-teeth, a mix that moves.

Each pattern is a file with one question. Its answer is a noun of `found`, with evidence, or `NoPattern` with the
reason.
"""
