"""`/infrastructure`: hosts, one host, containers."""
