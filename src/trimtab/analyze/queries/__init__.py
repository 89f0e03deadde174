"""Query shapes: which ones break their objective or carry the load."""
