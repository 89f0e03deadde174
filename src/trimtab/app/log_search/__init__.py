"""Logs for pages, the API and the command line: searched, grouped, followed."""
