"""Parts of `RealTimePerformanceTracker`: numbers of executions, a detector of templates, hints, streaming."""
