"""E-mail through a real SMTP server: STARTTLS, login, refusals, and a mail that mailboxes know again."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.cli.test_access import certificate as certificate_for
from tests.integrations.receivers.made import alert, notification, setup
from tests.prometheus import free_port
from trimtab.extend.receivers import ReceiverError
from trimtab.integrations.receivers.email import Email

PASSWORD = "correct horse"


@dataclass
class Mailbox:
    """What came, and who is not taken."""

    port: int = 0
    ca_file: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    says: str = "250 queued"
    was_secure: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.says.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
            self.recipients.append(list(envelope.rcpt_tos))
            self.was_secure.append(session.ssl is not None)
        return self.says


def _knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any) -> AuthResult:
    assert isinstance(login, LoginPassword)
    return AuthResult(success=login.password == PASSWORD.encode())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(tmp_path_factory.mktemp("tls"), "localhost")


def _served(mailbox: Mailbox, certificate: tuple[Path, Path] | None) -> Controller:
    options: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options = {"tls_context": context, "require_starttls": True, "authenticator": _knows}
        mailbox.ca_file = str(certificate[0])
    mailbox.port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    return controller


@pytest.fixture
def mailbox(certificate: tuple[Path, Path]) -> Iterator[Mailbox]:
    made = Mailbox()
    controller = _served(made, certificate)
    yield made
    controller.stop()


def receiver(mailbox: Mailbox, password: str = PASSWORD, timeout_s: float = 5.0, **options: Any) -> Email:
    said = {
        "to": "anna@example.org, ben@example.org",
        "from": "trimtab@example.org",
        "smarthost": f"localhost:{mailbox.port}",
        "auth_username": "trimtab",
        "tls_config": {"ca_file": mailbox.ca_file},
    }
    return Email(setup({"auth_password": password}, timeout_s, **{**said, **options}))


def test_a_mail_comes_over_tls_after_a_login(mailbox: Mailbox) -> None:
    receipt = receiver(mailbox).send(notification(alert("Down"), alert("Slow", ended=True)))
    [mail] = mailbox.mails
    assert mailbox.was_secure == [True]
    assert mailbox.recipients == [["anna@example.org", "ben@example.org"]]
    assert mail["Subject"] == "[FIRING:1] 2 alerts shop"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "FIRING  Down\nDown: p95 is 812 ms <b>&\nsince 2026-09-21 14:13:25 UTC" in text.replace("\r\n", "\n")
    assert "RESOLVED  Slow" in text
    assert "Look: http://trimtab/alerts" in text
    assert (receipt.is_confirmed, receipt.note) == (False, "taken by the mail server")


def test_a_second_try_is_the_same_mail_and_the_end_is_in_its_thread(mailbox: Mailbox) -> None:
    made = receiver(mailbox)
    made.send(notification(number="n-1"))
    made.send(notification(number="n-1"))
    made.send(notification(alert(ended=True), number="n-2"))
    first, again, end = mailbox.mails
    assert first["Message-ID"] == again["Message-ID"] == "<n-1@trimtab>"
    assert end["Message-ID"] == "<n-2@trimtab>"
    assert first["References"] == end["References"]


def test_a_label_cannot_write_headers(mailbox: Mailbox) -> None:
    receiver(mailbox).send(notification(alert("Down\r\nBcc: eve@example.org")))
    [mail] = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[FIRING:1] Down Bcc: eve@example.org shop"


def test_one_recipient_that_is_refused_costs_the_others_nothing(mailbox: Mailbox) -> None:
    mailbox.refused = {"ben@example.org": "550 no such user"}
    receipt = receiver(mailbox).send(notification())
    assert receipt.note == "taken for 1 of 2 recipients"
    assert mailbox.recipients == [["anna@example.org"]]


@pytest.mark.parametrize(("answer", "is_final"), [("550 no such user", True), ("451 greylisted", False)])
def test_when_all_are_refused_it_is_final_or_not_as_the_server_says(
    mailbox: Mailbox, answer: str, is_final: bool
) -> None:
    mailbox.refused = {"anna@example.org": answer, "ben@example.org": answer}
    with pytest.raises(ReceiverError, match="all recipients were refused") as caught:
        receiver(mailbox).send(notification())
    assert caught.value.is_final is is_final


@pytest.mark.parametrize(("answer", "is_final"), [("554 looks like spam", True), ("452 mailbox is full", False)])
def test_a_mail_that_is_refused_is_not_told(mailbox: Mailbox, answer: str, is_final: bool) -> None:
    mailbox.says = answer
    with pytest.raises(ReceiverError, match="the mail server refused it") as caught:
        receiver(mailbox).send(notification())
    assert caught.value.is_final is is_final


def test_a_wrong_password_is_said_without_it(mailbox: Mailbox) -> None:
    with pytest.raises(ReceiverError, match="the login was refused") as caught:
        receiver(mailbox, "not this one", 0.5).send(notification())
    assert "not this one" not in str(caught.value)


def test_a_certificate_that_nobody_trusts_gets_no_password(mailbox: Mailbox) -> None:
    with pytest.raises(ReceiverError, match="certificate is not trusted"):
        receiver(mailbox, tls_config={}).send(notification())
    assert mailbox.mails == []


def test_without_tls_nothing_is_sent_unless_that_is_wanted() -> None:
    plain = Mailbox()
    controller = _served(plain, None)
    try:
        with pytest.raises(ReceiverError, match="offers no STARTTLS") as caught:
            receiver(plain, "").send(notification())
        assert caught.value.is_final
        receiver(plain, "", require_tls=False).send(notification())
        assert len(plain.mails) == 1
    finally:
        controller.stop()


def test_tls_from_the_first_byte_on_as_at_port_465(certificate: tuple[Path, Path]) -> None:
    closed = Mailbox(ca_file=str(certificate[0]), port=free_port())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    controller = Controller(closed, hostname="127.0.0.1", port=closed.port, ssl_context=context)
    controller.start()
    try:
        receiver(closed, "", implicit_tls=True).send(notification())
        assert len(closed.mails) == 1
        with pytest.raises(ReceiverError, match="certificate is not trusted"):
            receiver(closed, "", implicit_tls=True, tls_config={}).send(notification())
    finally:
        controller.stop()


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(ReceiverError, match="no connection to the mail server") as caught:
        receiver(Mailbox(port=1)).send(notification())
    assert not caught.value.is_final
