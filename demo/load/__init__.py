"""The shop's application: about thirty statement shapes under mixed load, traced with OpenTelemetry."""
