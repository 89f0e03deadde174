"""`/traces`: searched, one of them as waterfall and flame graph, who calls whom, and each service's operations."""
