"""Changes of level of live series and of test histories, and what stands beside them."""
