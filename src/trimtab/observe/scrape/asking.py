"""One request to a target: within its time, within its size, with the secrets that the configuration names."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2

from trimtab.model.errors import InputError, ServerUnreachable
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.scrape.config import Job, Tls
from trimtab.observe.scrape.targets import Target
from trimtab.observe.unpacking import Unpacker, pieces

BODY_BYTES_MAX = 64 * 1024 * 1024
"""Where the job says no `body_size_limit`."""

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A body and what it says it is."""

    body: bytearray
    content_type: str


def client_of(job: Job) -> httpx2.Client:
    """For all targets of a job. InputError where a file of its TLS cannot be read."""
    try:
        verify = _context(job.tls)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"job {job.name}: tls_config: {error}") from error
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
    return httpx2.Client(verify=verify, follow_redirects=job.follow_redirects, limits=limits, trust_env=False)


def ask(client: httpx2.Client, target: Target, user_agent: str) -> Answer:
    """The answer. ServerUnreachable for none, or for a status that is not 200; BodyTooLong."""
    deadline_s = time.monotonic() + target.timeout_s
    limit = target.job.body_bytes_max or BODY_BYTES_MAX
    headers = {
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip",
        "User-Agent": user_agent,
        "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout_s:g}",
        **_authorization(target.job),
    }
    packed = bytearray()
    try:
        with client.stream("GET", target.url, headers=headers, timeout=target.timeout_s) as response:
            if response.status_code != 200:
                raise ServerUnreachable(f"server returned HTTP status {response.status_code}")
            for chunk in response.iter_raw():
                packed += chunk
                if len(packed) > limit:
                    raise BodyTooLong(f"body size limit exceeded: {limit} bytes", limit=limit)
                if time.monotonic() > deadline_s:
                    raise ServerUnreachable(f"context deadline exceeded: {target.timeout_s:g} s")
            encoding = response.headers.get("content-encoding", "identity").strip().lower()
            content_type = response.headers.get("content-type", "")
    except httpx2.TimeoutException as error:
        raise ServerUnreachable(f"context deadline exceeded: {target.timeout_s:g} s") from error
    except httpx2.HTTPError as error:
        raise ServerUnreachable(str(error) or type(error).__name__) from error
    return Answer(packed if encoding in {"", "identity"} else _unpacked(encoding, packed, limit), content_type)


def _unpacked(encoding: str, packed: bytearray, limit: int) -> bytearray:
    unpacker = Unpacker(encoding, limit)
    for piece in pieces(bytes(packed)):
        unpacker.feed(piece)
    return unpacker.finish()


def _authorization(job: Job) -> dict[str, str]:
    """Files of secrets are read each time: they change while the server runs."""
    if job.username or job.password or job.password_file:
        password = _secret(job.password_file) if job.password_file else job.password
        request = httpx2.Request("GET", "http://localhost")
        next(httpx2.BasicAuth(job.username, password).auth_flow(request))
        return {"Authorization": request.headers["Authorization"]}
    credentials = _secret(job.credentials_file) if job.credentials_file else job.credentials
    return {"Authorization": f"{job.authorization_type} {credentials}"} if credentials else {}


def _secret(file: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerUnreachable(f"could not read {file}: {error}") from error


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file or None)
    return context
