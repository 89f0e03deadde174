"""Scheduled forecasts: of what pages draw and of what a person names; whether they held; issues before they happen."""
