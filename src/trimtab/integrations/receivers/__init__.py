"""Ways to tell somebody of alerts: webhook, Slack, PagerDuty, e-mail. They come in by `trimtab.receivers`."""
