"""Documents as Elasticsearch takes them, made into log records. No loop of Python runs over what is in a document."""
