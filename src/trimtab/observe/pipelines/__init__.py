"""Runs of pipelines as others tell of them: OpenLineage, dbt, Airflow."""
