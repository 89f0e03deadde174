"""Elasticsearch and OpenSearch as stores of logs, by their official clients (extras `elasticsearch`, `opensearch`)."""
