"""The two stores: telemetry (chDB behind a spool) and state (SQLite: cases, changes, ledger)."""
