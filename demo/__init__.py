"""The demo: a private PostgreSQL, a shop under load, and trimtab beside it. Not part of the installed package."""
