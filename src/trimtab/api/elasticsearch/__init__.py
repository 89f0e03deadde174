"""Elasticsearch's way of taking in documents, under /elasticsearch/: for Filebeat, Fluent Bit and whoever writes by
`_bulk`. Documents become log records; nothing is searched here."""
