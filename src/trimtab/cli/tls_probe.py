"""Whether a port that did not answer plain HTTP speaks TLS: then the address has the wrong beginning."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

PROBE_S = 2.0


def speaks_tls(url: str) -> bool:
    """One handshake, whatever the certificate; nothing is sent through it."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            return False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection((parts.hostname, parts.port or 80), timeout=PROBE_S) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return True
    except (OSError, ValueError):
        return False
