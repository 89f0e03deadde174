"""How Google Cloud is asked: credentials and transport by google-auth, tries by google-api-core, pages and errors here.

The generated client of Compute Engine is not used at run time: loading it costs 3.6 s of processor time and 130 MB,
for six kinds of questions. The tests let it read the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from trimtab.extend.clouds import Account, CloudError, Deadline, Missing, Trouble
from trimtab.model.errors import MissingError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""What may be seen is limited by the roles of who asks, not by this."""
COMPUTE, MONITORING, SQL = (
    "https://compute.googleapis.com",
    "https://monitoring.googleapis.com",
    "https://sqladmin.googleapis.com",
)
PAGE = 500
PARTIAL = "returnPartialSuccess"
"""Asks for what there is where a zone does not answer. Not every version of the API has it: refused, it is left out."""
TOLD_CHARS_MAX = 400
_THROTTLED = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"})

Found = Mapping[str, Any]
NOTHING: Mapping[str, str] = {}


class Answer(Protocol):
    """What a request gives."""

    status_code: int

    def json(self) -> object:
        """The body; ValueError where it is no JSON."""
        ...


class Session(Protocol):
    """Google's session: what is used of it."""

    def request(self, method: str, url: str, **options: object) -> Answer:
        """One request, with a token that is renewed where it has to be."""
        ...

    def close(self) -> None:
        """Let its connections go."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """Items of a list: what is missing of it, and whether there are more than the account's limit."""

    items: list[Found]
    missing: tuple[Missing, ...] = ()
    is_cut: bool = False


class Calling:
    """One account: one project. Thread-safe."""

    def __init__(self, account: Account, credentials: Credentials | None = None) -> None:
        self.account = account
        self._lock = Lock()
        self._given = credentials
        self._session: Session | None = None
        self._project = account.option("project")
        self._partial: Mapping[str, str] = {PARTIAL: "true"}

    @property
    def project(self) -> str:
        """The project: of the configuration, else of the chain."""
        self._opened()
        return self._project

    def get(self, host: str, path: str, ends: Deadline, parameters: Mapping[str, str]) -> Found:
        """One request."""
        return self._ask("GET", host, path, ends, parameters, None)

    def post(self, host: str, path: str, ends: Deadline, body: Found) -> Found:
        """One request with a body; none of those that are sent changes anything."""
        return self._ask("POST", host, path, ends, {}, body)

    def read(
        self,
        host: str,
        path: str,
        ends: Deadline,
        take: Callable[[Found], Iterable[Found]],
        *,
        page_size: str = "maxResults",
        missing_of: Callable[[Found], Iterable[Missing]] = lambda _page: (),
        parameters: Mapping[str, str] = NOTHING,
        limit: int = 0,
    ) -> Read:
        """Items of all pages, up to the limit of the account. What was read stays where a later page fails. `limit` is
        of what is no list of things."""
        limit = limit or self.account.items_max
        found: list[Found] = []
        missing: dict[tuple[str, str], Missing] = {}
        token = ""
        while True:
            more = {"pageToken": token} if token else {}
            try:
                page = self.get(host, path, ends, {page_size: str(min(PAGE, limit + 1)), **more, **parameters})
            except CloudError as error:
                if not found:
                    raise
                rest = Missing("", f"the rest behind {len(found)}", error.message, error.trouble)
                return Read(found, (*missing.values(), rest))
            missing |= {(one.region, one.what): one for one in missing_of(page)}
            for item in take(page):
                if len(found) >= limit:
                    return Read(found, tuple(missing.values()), is_cut=True)
                found.append(item)
            token = str(page.get("nextPageToken") or "")
            if not token:
                return Read(found, tuple(missing.values()))

    def aggregated(self, collection: str, ends: Deadline) -> Read:
        """All of a kind of thing in all zones and regions; those that do not answer are named."""

        def take(page: Found) -> Iterator[Found]:
            for scope in (page.get("items") or {}).values():
                yield from scope.get(collection, ())

        try:
            read = self._aggregated(collection, ends, take)
        except CloudError as error:
            if PARTIAL not in error.message:
                raise
            self._partial = {}
            read = self._aggregated(collection, ends, take)
        wanted = self.account.regions
        if not wanted:
            return read
        missing = tuple(one for one in read.missing if not one.region or region_of(one.region) in wanted)
        return Read([one for one in read.items if region_of_item(one) in (*wanted, "global")], missing, read.is_cut)

    def _aggregated(self, collection: str, ends: Deadline, take: Callable[[Found], Iterable[Found]]) -> Read:
        return self.read(
            COMPUTE,
            f"/compute/v1/projects/{self.project}/aggregated/{collection}",
            ends,
            take,
            missing_of=lambda page: (_unreachable(str(scope), collection) for scope in page.get("unreachables") or ()),
            parameters=self._partial,
        )

    def close(self) -> None:
        """Let its connections go."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _ask(
        self, method: str, host: str, path: str, ends: Deadline, parameters: Mapping[str, str], body: Found | None
    ) -> Found:
        session = self._opened()  # says what to install where the libraries are not there
        from google.api_core.exceptions import RetryError
        from google.api_core.retry import Retry

        url = f"{self.account.option('endpoint').rstrip('/') or host}{path}"
        tries = 0

        def once() -> Found:
            nonlocal tries
            tries += 1
            return _answer(session, method, url, ends.left_s(self.account.timeout_s), parameters, body)

        def again(error: Exception) -> bool:
            return isinstance(error, _Again) and tries < self.account.tries_max

        retry = Retry(predicate=again, initial=0.5, maximum=8.0, multiplier=2.0, timeout=ends.left_s(3600))
        try:
            found: Found = retry(once)()
        except RetryError as error:
            told = error.cause.message if isinstance(error.cause, CloudError) else str(error)
            raise CloudError(f"{told}, tried {tries} times", trouble=Trouble.SLOW) from error
        except _Again as error:
            told = f", tried {tries} times" if tries > 1 else ""
            raise CloudError(f"{error.message}{told}", trouble=error.trouble) from error
        return found

    def _opened(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._made()
            return self._session

    def _made(self) -> Session:
        """With the lock held. Credentials are looked for, not yet asked for."""
        try:
            import google.auth
            from google.auth import impersonated_credentials
            from google.auth.exceptions import GoogleAuthError
            from google.auth.transport.requests import AuthorizedSession
        except ImportError as error:
            raise MissingError(
                "the client of Google Cloud is not installed: pip install 'trimtab[gcp]'", extra="gcp"
            ) from error
        session_of: Callable[[Credentials], Session] = AuthorizedSession
        impersonated: Callable[..., Credentials] = impersonated_credentials.Credentials
        credentials = self._given
        project: str | None = None
        if credentials is None:
            try:
                credentials, project = google.auth.default(scopes=[SCOPE])
            except GoogleAuthError as error:
                raise CloudError(str(error)[:TOLD_CHARS_MAX], trouble=Trouble.CREDENTIALS) from error
        self._project = self._project or project or ""
        if not self._project:
            raise CloudError("no project: name one (project=ID)", trouble=Trouble.CREDENTIALS)
        other = self.account.option("impersonate")
        if other:
            credentials = impersonated(source_credentials=credentials, target_principal=other, target_scopes=[SCOPE])
        return session_of(credentials)


class _Again(CloudError):
    """Trying again may help."""


def _answer(
    session: Session,
    method: str,
    url: str,
    timeout_s: float,
    parameters: Mapping[str, str],
    body: Found | None,
) -> Found:
    import requests
    from google.auth.exceptions import GoogleAuthError, TransportError

    try:
        answer = session.request(
            method,
            url,
            params=dict(parameters),
            json=body,
            timeout=timeout_s,
            max_allowed_time=timeout_s,
            allow_redirects=False,
        )
    except requests.exceptions.Timeout as error:
        raise _Again(f"no answer within {timeout_s:.3g} s", trouble=Trouble.SLOW) from error
    except (TransportError, requests.exceptions.RequestException) as error:
        raise _Again(f"{type(error).__name__}: {error}"[:TOLD_CHARS_MAX], trouble=Trouble.UNREACHABLE) from error
    except GoogleAuthError as error:
        raise CloudError(f"{type(error).__name__}: {error}"[:TOLD_CHARS_MAX], trouble=Trouble.CREDENTIALS) from error
    try:
        found = answer.json()
    except ValueError as error:
        if answer.status_code >= 500:
            raise _Again(f"status {answer.status_code}", trouble=Trouble.UNREACHABLE) from error
        raise CloudError(f"status {answer.status_code}, and the answer is not JSON") from error
    if answer.status_code != 200 or not isinstance(found, dict):
        raise _refused(answer.status_code, found)
    return found


def _refused(status: int, found: object) -> CloudError:
    told = found.get("error") if isinstance(found, dict) else None
    told = told if isinstance(told, dict) else {}
    reasons = {str(one.get("reason", "")) for one in told.get("errors") or () if isinstance(one, dict)}
    message = f"status {status}: {told.get('message') or told.get('status') or 'no reason'}"[:TOLD_CHARS_MAX]
    if status == 429 or reasons & _THROTTLED or told.get("status") in _THROTTLED:
        return _Again(message, trouble=Trouble.THROTTLED)
    if status >= 500:
        return _Again(message, trouble=Trouble.UNREACHABLE)
    troubles = {401: Trouble.CREDENTIALS, 403: Trouble.DENIED}
    return CloudError(message, trouble=troubles.get(status, Trouble.REFUSED))


def _unreachable(scope: str, collection: str) -> Missing:
    place = tail(scope)
    return Missing(place, collection, f"Google Cloud could not reach {place}", Trouble.UNREACHABLE)


def tail(url: str) -> str:
    """The last part of a path or URL.

    >>> tail("https://compute.googleapis.com/compute/v1/projects/p/zones/europe-west3-a")
    'europe-west3-a'
    """
    return url.rstrip("/").rpartition("/")[2]


def region_of(place: str) -> str:
    """The region of a zone, or of a region.

    >>> region_of("europe-west3-a"), region_of("europe-west3"), region_of("")
    ('europe-west3', 'europe-west3', 'global')
    """
    if not place:
        return "global"
    first, _, last = place.rpartition("-")
    return first if len(last) == 1 and last.isalpha() else place


def region_of_item(item: Found) -> str:
    """The region of something that Compute Engine told."""
    return region_of(tail(str(item.get("zone") or item.get("region") or "")))
