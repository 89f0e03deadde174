"""The dashboards that come with trimtab, made with Grafana's own builder and kept as JSON in the package.

`python -m scripts.dashboards` writes them, `--check` only says whether they are as they would be made.
"""
