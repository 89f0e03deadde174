"""Everything that can be done with traces: `service.traces`."""
