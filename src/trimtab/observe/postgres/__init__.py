"""PostgreSQL under watch: what can be seen, the looks at its statistics, and plans."""
