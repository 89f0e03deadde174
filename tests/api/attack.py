"""What an attack is: a family, what is tried, how, and what it must get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from tests.api.served import Served


@dataclass(frozen=True)
class Arena:
    """Where attacks take place: the application, and the same behind a real port."""

    served: Served
    port: int

    @property
    def host(self) -> bytes:
        """For Host headers of hand-made requests."""
        return f"127.0.0.1:{self.port}".encode()


@dataclass(frozen=True)
class Got:
    """What came back: a status (0: the connection was closed without an answer) and what was said."""

    status: int
    said: str = ""


@dataclass(frozen=True)
class Attack:
    """`wants` is the status that it must get. A control must succeed: the others then do not fail by chance."""

    family: str
    tried: str
    run: Callable[[Arena], Got]
    wants: int
    is_control: bool = False


def got(answer: httpx2.Response) -> Got:
    """The status of an answer and the message in it."""
    try:
        body = answer.json()
        said = str(body["error"]["message"]) if isinstance(body, dict) and "error" in body else ""
    except ValueError:
        said = ""
    return Got(answer.status_code, said)


def got_raw(answer: bytes) -> Got:
    """The same of bytes from a socket."""
    if not answer.startswith(b"HTTP/1.1 "):
        return Got(0, "closed without an answer")
    status = int(answer[9:12])
    body = answer.partition(b"\r\n\r\n")[2].decode(errors="replace")
    said = body.partition('"message":"')[2].partition('"')[0] if body.startswith("{") else body
    return Got(status, said)
