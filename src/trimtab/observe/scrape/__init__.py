"""Scraping: Prometheus' `scrape_configs` as they are, targets asked in time, text into samples by compiled code."""
