"""Clouds as the server looks at them: each account in each region for each thing by itself, on a schedule; the last
look, series of it, and what it says of the health of the infrastructure."""
