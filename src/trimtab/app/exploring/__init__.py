"""PromQL for people: queries of the Explorer page, asked of the own store or of another server (`--metrics URL`)."""
