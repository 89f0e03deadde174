"""Prometheus' rules: files, templates, evaluation, unit tests, and what would have been.

yaml_places   YAML with the place of each part
rule_files    rule files as they are, checked                 templates   what stands in labels and annotations
plan          which rules can be answered together            evaluate    one round of rules over a source
alert_steps   from what is true now to what has become of it  unit_tests  promtool's test files
backtest      the same rules over what was stored
"""
