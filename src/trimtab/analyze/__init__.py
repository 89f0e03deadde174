"""What reads facts and writes findings."""
