"""HTTP: receivers and JSON. Thin: parse, app.service, format."""
