"""Objectives at work: read from files, counted minute by minute, told to alerts, cases, guards and pages."""
