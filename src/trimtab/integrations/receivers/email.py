"""E-mail over SMTP. A second try has the same Message-ID, so that mailboxes show it once; a group is one thread."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate

from trimtab.extend.receivers import Kind, Notification, Receipt, ReceiverError, Setup
from trimtab.integrations.receivers.texts import labels_text, lines_of, moment, summary_of, title_of
from trimtab.model.alerts import Alert, AlertState

SUBJECT_CHARS_MAX = 200
ALERTS_MAX = 100
PORT = 587
TLS_PORT = 465


class Email:
    """A mail server that takes a mail has queued it: delivered, not confirmed."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def send(self, notification: Notification) -> Receipt:
        """See `Receiver.send`."""
        setup = self._setup
        recipients = [one.strip() for one in setup.text("to").split(",") if one.strip()]
        message = message_of(notification, setup.text("from"), recipients)
        host, _, port = setup.text("smarthost").rpartition(":")
        try:
            with self._connected(host, int(port or PORT)) as server:
                self._log_in(server)
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise ReceiverError(f"all recipients were refused ({_codes(codes)})", is_final=_all_final(codes)) from None
        except smtplib.SMTPResponseException as error:
            is_final = _all_final([error.smtp_code])
            raise ReceiverError(f"the mail server refused it ({error.smtp_code})", is_final=is_final) from None
        except smtplib.SMTPException as error:
            raise ReceiverError(f"the mail server did not go on ({type(error).__name__})") from None
        except ssl.SSLError:
            raise ReceiverError("the mail server's certificate is not trusted, or TLS failed") from None
        except OSError as error:
            raise ReceiverError(f"no connection to the mail server ({type(error).__name__})") from None
        return Receipt(is_confirmed=False, note=_note(refused, len(recipients)))

    def _connected(self, host: str, port: int) -> smtplib.SMTP:
        """A session that is encrypted, unless that is not wanted: from the first byte on at port 465, as Alertmanager
        does it, else by STARTTLS."""
        hello, timeout_s = self._setup.text("hello") or None, self._setup.timeout_s
        if port == TLS_PORT or self._setup.flag("implicit_tls"):
            context = ssl.create_default_context(cafile=self._ca_file)
            return smtplib.SMTP_SSL(host, port, hello, timeout=timeout_s, context=context)
        server = smtplib.SMTP(host, port, hello, timeout_s)
        try:
            self._secure(server)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP) -> None:
        """Where there is a password. One that is wrong may be mended while the mail waits."""
        password = self._setup.secret("auth_password")
        if not password:
            return
        try:
            server.login(self._setup.text("auth_username"), password)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPServerDisconnected):
            raise ReceiverError("the login was refused by the mail server") from None
        except smtplib.SMTPNotSupportedError:
            raise ReceiverError("the mail server offers no login") from None

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context(cafile=self._ca_file))
            server.ehlo()
        elif self._setup.flag("require_tls", True):
            raise ReceiverError("the mail server offers no STARTTLS, and require_tls is not false", is_final=True)

    @property
    def _ca_file(self) -> str | None:
        return self._setup.pairs("tls_config").get("ca_file") or None

    def close(self) -> None:
        """See `Receiver.close`: there is none that stays open."""


def message_of(notification: Notification, sender: str, recipients: list[str]) -> EmailMessage:
    """The mail."""
    message = EmailMessage()
    thread = f"<{hashlib.sha256(notification.group_key.encode()).hexdigest()[:32]}@trimtab>"
    message["Subject"] = _one_line(title_of(notification))[:SUBJECT_CHARS_MAX]
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate(notification.at_ms / 1000, usegmt=True)
    message["Message-ID"] = f"<{notification.id}@trimtab>"
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(notification))
    return message


def _text(notification: Notification) -> str:
    blocks = [_block(alert) for alert in notification.alerts[:ALERTS_MAX]]
    left = len(notification.alerts) - len(blocks)
    more = [f"and {left} more"] if left > 0 else []
    page = [f"Look: {notification.page_url}"] if notification.page_url else []
    return "\n\n".join([*(lines_of(notification)[:1] if not blocks else []), *blocks, *more, *page]) + "\n"


def _block(alert: Alert) -> str:
    is_firing = alert.state is AlertState.FIRING
    lines = [
        f"{'FIRING' if is_firing else 'RESOLVED'}  {alert.name}",
        summary_of(alert),
        f"since {moment(alert.fired_at_ms or alert.active_at_ms)}",
    ]
    if not is_firing and alert.resolved_at_ms is not None:
        lines.append(f"until {moment(alert.resolved_at_ms)}")
    lines.append(f"severity={dict(alert.labels).get('severity', '-')} {labels_text(alert)}".rstrip())
    lines += [f"{name}: {text}" for name, text in alert.annotations if text != summary_of(alert)]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _note(refused: Mapping[str, object], count: int) -> str:
    return f"taken for {count - len(refused)} of {count} recipients" if refused else "taken by the mail server"


def _codes(codes: list[int]) -> str:
    return ", ".join(map(str, sorted(set(codes))))


def _all_final(codes: list[int]) -> bool:
    return bool(codes) and all(code >= 500 for code in codes)


EMAIL = Kind(
    Email,
    texts=frozenset({"to", "from", "smarthost", "hello", "auth_username"}),
    flags=frozenset({"require_tls", "implicit_tls"}),
    maps=frozenset({"tls_config"}),
    secrets=frozenset({"auth_password"}),
    needed=(("to",), ("from",), ("smarthost",)),
    defaults={
        "from": "smtp_from",
        "smarthost": "smtp_smarthost",
        "hello": "smtp_hello",
        "auth_username": "smtp_auth_username",
        "auth_password": "smtp_auth_password",
        "require_tls": "smtp_require_tls",
    },
)
