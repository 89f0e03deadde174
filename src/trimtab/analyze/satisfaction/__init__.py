"""How content those are who use it: answers in files, Apdex of spans, any series."""
