"""Traces and logs, measured: realistic spans, what taking them costs, how quickly they are found."""
