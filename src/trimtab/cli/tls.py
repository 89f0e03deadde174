"""TLS from two files: what is wrong with them is said before the server starts; renewed ones are taken on SIGHUP."""

from __future__ import annotations

import ssl
from pathlib import Path

from trimtab.model.errors import InputError

CERTIFICATE_MARK = "-----BEGIN CERTIFICATE-----"
KEY_MARK = "PRIVATE KEY-----"
FILE_BYTES_MAX = 1_000_000
_OTHER_KEY = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})


class ServerTls:
    """A context for the server's connections. `reload` changes it for new connections; running ones go on."""

    def __init__(self, certificate: Path, key: Path, protocol: str = "http/1.1") -> None:
        """`protocol` is what is spoken, by its name in ALPN."""
        self.certificate = certificate
        self.key = key
        self._protocol = protocol
        self.context = self._fresh()

    def reload(self) -> None:
        """Take the files anew; InputError where they are wrong, and then the old ones stay in use."""
        self._fresh()
        self.context.load_cert_chain(self.certificate, self.key, _no_password)

    def _fresh(self) -> ssl.SSLContext:
        text = _read(self.certificate, "--tls-cert", CERTIFICATE_MARK, "a certificate in PEM")
        _read(self.key, "--tls-key", KEY_MARK, "a private key in PEM")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError) as error:
            raise InputError(f"--tls-cert {self.certificate}: the certificate is damaged") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols([self._protocol])
        try:
            context.load_cert_chain(self.certificate, self.key, _no_password)
        except _Encrypted:
            raise InputError(f"--tls-key {self.key}: the key is encrypted; give one without a passphrase") from None
        except ssl.SSLError as error:
            if error.reason in _OTHER_KEY:
                reason = f"the key is not the one of the certificate in {self.certificate}"
            else:
                reason = f"the key is damaged ({(error.reason or 'not readable').lower().replace('_', ' ')})"
            raise InputError(f"--tls-key {self.key}: {reason}") from error
        return context


class _Encrypted(Exception):
    """OpenSSL asked for a passphrase."""


def _no_password() -> str:
    raise _Encrypted


def _read(path: Path, option: str, mark: str, what: str) -> str:
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise InputError(f"{option} {path}: {size} bytes are too many for {what}")
        text = path.read_text("latin-1")
    except OSError as error:
        raise InputError(f"{option} {path}: {error.strerror}") from error
    if mark not in text:
        raise InputError(f"{option} {path}: there is no line with {mark}: it must be {what}")
    return text
