"""The command line. Thin: parse, call the server's API, format."""
