"""The stack in one call: a nested configuration becomes rules, objectives, dashboards, notification, collectors."""
