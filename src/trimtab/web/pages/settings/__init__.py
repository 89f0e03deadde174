"""The settings, one file for each tab: what it shows, and what its forms do."""
