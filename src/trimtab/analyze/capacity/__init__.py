"""When a resource is full: a range of dates, or the reason why there is none."""
