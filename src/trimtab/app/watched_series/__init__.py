"""What is seen of watched systems as series that PromQL sees: for rules, objectives, packs and dashboards."""
