"""One file for each page: what it reads, and which template shows it."""
