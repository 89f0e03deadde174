"""From a slow query to an index: candidates, what-if prices in the real planner, a proposal with its risks."""
