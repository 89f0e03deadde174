"""Pages of dashboards: the list, one dashboard, the answers of its panels."""
