"""Telling people of alerts.

    outbox ──▶ dispatch ──▶ groups of each receiver ──▶ notifications ──▶ deliver ──▶ webhook, Slack, PagerDuty, e-mail
               │                                                                      (`integrations.receivers`)
               ├──▶ alertmanagers: each is told of every alert again and again
               └──▶ history

What has to be told stands in the state before anybody is told: whoever is killed goes on after the next start.
"""
