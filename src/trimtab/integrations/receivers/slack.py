"""Slack: an incoming webhook (`api_url`), or `chat.postMessage` with the token of a bot (`token` and `channel`).

With a token a resolved alert is told in the thread of the message that told it, and there alone unless it was missed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from trimtab.extend.receivers import Kind, Notification, Receipt, ReceiverError, Setup
from trimtab.integrations.receivers.posting import Poster, object_of
from trimtab.integrations.receivers.texts import lines_of, title_of

POST_MESSAGE = "https://slack.com/api/chat.postMessage"
TEXT_CHARS_MAX = 2900
"""A section of a message may have 3,000 characters."""
TITLE_CHARS_MAX = 150
_LATER = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"})
_COLOURS = {"firing": "#c0392b", "resolved": "#2e7d32"}


class Slack:
    """Both ways say whether they took the message: confirmed."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._poster = Poster(setup.timeout_s, setup.pairs("tls_config").get("ca_file", ""))

    def send(self, notification: Notification) -> Receipt:
        """See `Receiver.send`."""
        token = self._setup.secret("token")
        body = body_of(notification, self._setup.text("channel"))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if not token:
            answer = self._poster.post(self._setup.secret("api_url"), json.dumps(body).encode(), headers)
            if answer.text.strip() != "ok":
                raise ReceiverError("Slack did not answer 'ok'")
            return Receipt(is_confirmed=True, note="Slack answered ok")
        if notification.handle and not notification.firing:
            body["thread_ts"] = notification.handle
        headers["Authorization"] = f"Bearer {token}"
        url = self._setup.text("post_url", POST_MESSAGE)
        answer = self._poster.post(url, json.dumps(body).encode(), headers)
        return _receipt(object_of(answer), notification.handle)

    def close(self) -> None:
        """See `Receiver.close`."""
        self._poster.close()


def _receipt(said: Mapping[str, object], handle: str) -> Receipt:
    if said.get("ok") is not True:
        error = str(said.get("error", "nothing that is known"))[:60]
        raise ReceiverError(f"Slack answered {error}", is_final=error not in _LATER)
    return Receipt(is_confirmed=True, note="Slack answered ok", handle=handle or str(said.get("ts", "")))


def body_of(notification: Notification, channel: str) -> dict[str, object]:
    """The message. `text` is what a phone shows of it."""
    title = title_of(notification)[:TITLE_CHARS_MAX]
    text = _escaped("\n".join(f"• {line}" for line in lines_of(notification)))[:TEXT_CHARS_MAX]
    link = f"<{notification.page_url}|trimtab>" if notification.page_url else "trimtab"
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": link}]},
    ]
    made: dict[str, object] = {
        "text": _escaped(title),
        "attachments": [{"color": _COLOURS[notification.status], "fallback": title, "blocks": blocks}],
    }
    return {**made, "channel": channel} if channel else made


def _escaped(text: str) -> str:
    """The three characters that mean something to Slack.

    >>> _escaped("a < b & <!channel>")
    'a &lt; b &amp; &lt;!channel&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SLACK = Kind(
    Slack,
    texts=frozenset({"channel", "post_url"}),
    maps=frozenset({"tls_config"}),
    secrets=frozenset({"api_url", "token"}),
    needed=(("api_url", "token"),),
    defaults={"api_url": "slack_api_url", "token": "slack_token"},
)
