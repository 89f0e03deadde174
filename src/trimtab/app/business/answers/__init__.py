"""What pages, the API and the command line are told: plain values with units in their names, each with its source."""
