"""A person with a browser: headless Chromium against real servers."""
