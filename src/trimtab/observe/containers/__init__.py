"""Containers: what cgroups of the kernel tell of them, and what Docker and Kubernetes say they are."""
