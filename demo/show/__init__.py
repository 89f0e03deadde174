"""Show the loop: in a terminal, as plain lines, as a table at the end."""
