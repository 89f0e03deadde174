"""What webhook, Slack and PagerDuty are sent, over real connections, and what is made of what they answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from pagerduty import EventsApiV2Client
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block
from slack_sdk.web import WebClient
from slack_sdk.webhook import WebhookClient

from tests.hooks import Hook, running_hook
from tests.integrations.receivers.made import alert, notification, setup
from trimtab.extend.receivers import Receiver, ReceiverError
from trimtab.integrations.receivers.pagerduty import PagerDuty
from trimtab.integrations.receivers.slack import Slack
from trimtab.integrations.receivers.webhook import Webhook

SECRET = "T00/B00/verysecret"
ACCEPTED = (202, {"Content-Type": "application/json"}, b'{"status":"success","message":"m","dedup_key":"k"}')


@pytest.fixture
def hook() -> Iterator[Hook]:
    with running_hook() as opened:
        yield opened


def webhook(url: str, **options: Any) -> Webhook:
    return Webhook(setup({"url": url}, **options))


def slack(url: str, **options: Any) -> Slack:
    return Slack(setup({"api_url": url}, **options))


def pagerduty(url: str, **options: Any) -> PagerDuty:
    return PagerDuty(setup({"routing_key": SECRET}, url=url, **options))


RECEIVERS: tuple[Callable[..., Receiver], ...] = (webhook, slack, pagerduty)


def test_a_webhook_gets_what_programs_know_from_alertmanager(hook: Hook) -> None:
    receiver = Webhook(setup({"url": f"{hook.url}/{SECRET}", "credentials": "let-me-in"}, max_alerts=2))
    sent = notification(alert("A"), alert("B"), alert("C", ended=True), number="n-1")
    receipt = receiver.send(sent)
    [posted] = hook.posted
    body = posted.json
    assert (posted.path, posted.headers["Authorization"], posted.headers["Idempotency-Key"]) == (
        f"/{SECRET}",
        "Bearer let-me-in",
        "n-1",
    )
    assert {key: body[key] for key in ("version", "status", "receiver", "groupKey", "truncatedAlerts")} == {
        "version": "4",
        "status": "firing",
        "receiver": "team",
        "groupKey": '{}:{job="shop"}',
        "truncatedAlerts": 1,
    }
    assert body["commonLabels"] == {"job": "shop", "severity": "page"}
    assert body["alerts"][0] == {
        "status": "firing",
        "labels": {"alertname": "A", "job": "shop", "severity": "page"},
        "annotations": {"summary": "A: p95 is 812 ms <b>&", "runbook_url": "https://wiki.example/down"},
        "startsAt": "2026-09-21T14:13:25.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://trimtab/explore?q=up",
        "fingerprint": alert("A").fingerprint,
    }
    assert not receipt.is_confirmed
    receiver.close()


def test_slack_gets_what_its_own_client_would_send(hook: Hook) -> None:
    receiver = slack(hook.url)
    receipt = receiver.send(notification(alert("A"), alert("B", ended=True)))
    ours = hook.posted[0].json
    assert receipt.is_confirmed
    attachment = ours["attachments"][0]
    blocks = [Block.parse(one) for one in attachment["blocks"]]
    for block in blocks:
        assert block is not None
        block.validate_json()
    typed = BlockAttachment(
        blocks=[one for one in blocks if one is not None], color=attachment["color"], fallback=attachment["fallback"]
    )
    WebhookClient(hook.url).send(text=ours["text"], attachments=[typed])
    assert hook.posted[1].json == ours
    assert ours["text"] == "[FIRING:1] 2 alerts shop"
    assert "p95 is 812 ms &lt;b&gt;&amp;" in attachment["blocks"][0]["text"]["text"]
    receiver.close()


def test_slack_with_a_token_tells_the_end_in_the_thread(hook: Hook) -> None:
    hook.otherwise = (200, {"Content-Type": "application/json"}, b'{"ok":true,"ts":"1503435956.000247"}')
    receiver = Slack(setup({"token": "xoxb-1"}, channel="#ops", post_url=f"{hook.url}/api/chat.postMessage"))
    first = receiver.send(notification())
    assert first.handle == "1503435956.000247"
    receiver.send(notification(alert(ended=True), handle=first.handle))
    begin, end = (one.json for one in hook.posted)
    assert (begin["channel"], begin.get("thread_ts"), end["thread_ts"]) == ("#ops", None, "1503435956.000247")
    assert hook.posted[0].headers["Authorization"] == "Bearer xoxb-1"
    client = WebClient("xoxb-1", base_url=f"{hook.url}/api/")
    client.chat_postMessage(channel="#ops", text=begin["text"], attachments=begin["attachments"])
    theirs = hook.posted[2].json
    assert {key: theirs[key] for key in begin} == begin
    receiver.close()


@pytest.mark.parametrize(("error", "is_final"), [("channel_not_found", True), ("ratelimited", False)])
def test_slack_says_no_with_a_status_of_200(hook: Hook, error: str, is_final: bool) -> None:
    hook.otherwise = (200, {}, json.dumps({"ok": False, "error": error}).encode())
    receiver = Slack(setup({"token": "xoxb-1"}, channel="#ops", post_url=hook.url))
    with pytest.raises(ReceiverError, match=error) as caught:
        receiver.send(notification())
    assert caught.value.is_final is is_final
    receiver.close()


def test_pagerduty_gets_what_its_own_client_would_send(hook: Hook) -> None:
    hook.otherwise = ACCEPTED
    receiver = pagerduty(f"{hook.url}/v2/enqueue")
    assert receiver.send(notification(alert("A"), alert("B"))).is_confirmed
    receiver.send(notification(alert("A", ended=True), alert("B", ended=True)))
    begin, end = (one.json for one in hook.posted)
    theirs: list[Any] = []

    def keep(request: httpx2.Request) -> httpx2.Response:
        theirs.append(json.loads(request.content))
        return httpx2.Response(ACCEPTED[0], content=ACCEPTED[2])

    client = EventsApiV2Client(SECRET, transport=httpx2.MockTransport(keep))  # it speaks to https:// alone
    rest = {key: begin[key] for key in ("payload", "client", "client_url")}
    client.send_event("trigger", dedup_key=begin["dedup_key"], **rest)
    client.send_event("resolve", dedup_key=end["dedup_key"])
    client.close()
    assert theirs == [begin, end]
    assert begin["dedup_key"] == end["dedup_key"]
    payload = begin["payload"]
    assert (payload["severity"], payload["source"]) == ("critical", "trimtab")
    assert payload["summary"] == "[FIRING:2] 2 alerts shop: A: p95 is 812 ms <b>&"
    assert payload["timestamp"] == "2026-09-21T14:13:25.000Z"
    receiver.close()


def test_long_texts_fit_into_what_pagerduty_and_slack_take(hook: Hook) -> None:
    many = tuple(alert("A" * 300, instance="x" * 500 + str(number)) for number in range(200))
    hook.otherwise = ACCEPTED
    receiver = pagerduty(hook.url)
    receiver.send(notification(*many))
    assert len(hook.posted[0].json["payload"]["summary"]) <= 1024
    receiver.close()
    hook.otherwise = (200, {}, b"ok")
    other = slack(hook.url)
    other.send(notification(*many))
    block = hook.posted[1].json["attachments"][0]["blocks"][0]
    assert len(block["text"]["text"]) <= 3000
    other.close()


# --- what goes wrong


@pytest.mark.parametrize("make", RECEIVERS)
@pytest.mark.parametrize(("status", "is_final"), [(400, True), (403, True), (404, True), (301, True)])
def test_what_would_fail_again_is_final(hook: Hook, make: Callable[..., Receiver], status: int, is_final: bool) -> None:
    hook.otherwise = (status, {"Location": "http://127.0.0.1:1/"}, b"invalid_payload")
    receiver = make(hook.url)
    with pytest.raises(ReceiverError, match=f"it answered {status}: invalid_payload") as caught:
        receiver.send(notification())
    assert caught.value.is_final is is_final
    assert len(hook.posted) == 1, "nobody follows a redirect with a secret"
    receiver.close()


@pytest.mark.parametrize("make", RECEIVERS)
@pytest.mark.parametrize(("status", "after_s"), [(429, 17.0), (500, None), (503, None), (408, None)])
def test_what_may_pass_is_tried_again(
    hook: Hook, make: Callable[..., Receiver], status: int, after_s: float | None
) -> None:
    hook.otherwise = (status, {} if after_s is None else {"Retry-After": "17"}, b"")
    receiver = make(hook.url)
    with pytest.raises(ReceiverError) as caught:
        receiver.send(notification())
    assert (caught.value.is_final, caught.value.retry_after_s) == (False, after_s)
    receiver.close()


@pytest.mark.slow
@pytest.mark.parametrize("make", RECEIVERS)
def test_nothing_that_goes_wrong_tells_the_secret(make: Callable[..., Receiver], hook: Hook) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        places = [
            f"http://127.0.0.1:1/{SECRET}",
            f"http://nobody.invalid/{SECRET}",
            f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}",
            f"ftp://x/{SECRET}",
            f"http://[::1/{SECRET}",
        ]
        for place in places:
            receiver = make(place, timeout_s=0.3)
            with pytest.raises(ReceiverError) as caught:
                receiver.send(notification())
            assert SECRET not in str(caught.value)
            assert SECRET not in repr(caught.value.facts)
            assert caught.value.__cause__ is None
            receiver.close()
    hook.otherwise = (400, {}, f"no such hook http://x/{SECRET}".encode())
    receiver = make(hook.url)
    with pytest.raises(ReceiverError) as caught:
        receiver.send(notification())
    assert SECRET not in str(caught.value)
    receiver.close()


def test_an_answer_that_is_no_answer_is_no_receipt(hook: Hook) -> None:
    for make, body in ((slack, b"<html>proxy</html>"), (pagerduty, b"<html>"), (pagerduty, b'{"status":"no"}')):
        hook.otherwise = (200, {}, body)
        receiver = make(hook.url)
        with pytest.raises(ReceiverError, match="did not answer"):
            receiver.send(notification())
        receiver.close()
