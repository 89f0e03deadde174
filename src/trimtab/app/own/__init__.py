"""trimtab about itself: its own numbers, log and traces, kept in its own store and shown on its own page."""
