"""Change points: injected steps on real noise, beside apache-otava and ruptures."""
