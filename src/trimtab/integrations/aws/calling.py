"""How AWS is asked: credentials by boto's own chain, an assumed role where one is named, time-outs, tries, pages, and
errors as `CloudError`.

Retries are boto's own (mode `standard`: backoff with jitter, and a quota of them), bounded by `tries_max`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from trimtab.extend.clouds import Account, CloudError, Deadline, Missing, Trouble
from trimtab.model.errors import MissingError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.config import Config
    from botocore.session import Session

ROLE_SESSION = "trimtab"
TOLD_CHARS_MAX = 400
PAGE = 100
"""Items that one request asks for; every list that is read takes it."""
_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
_THROTTLED = frozenset(
    {
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """Items of a list: what is missing behind them, and whether there are more than the account's limit."""

    items: list[Found]
    missing: tuple[Missing, ...] = ()
    is_cut: bool = False


class Calling:
    """The clients of one account. Thread-safe."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._lock = Lock()
        self._made: Session | None = None
        self._clients: dict[tuple[str, str], BaseClient] = {}

    def client(self, service: str, region: str) -> BaseClient:
        """The client of a service in a region; made once."""
        with self._lock:
            made = self._clients.get((service, region))
            if made is None:
                with as_cloud_error():
                    made = self._session().create_client(
                        service, region_name=region, endpoint_url=self._endpoint(), config=self._config()
                    )
                self._clients[service, region] = made
            return made

    def region_of_the_chain(self) -> str:
        """The region that the environment or the profile names; '' where none does."""
        with self._lock, as_cloud_error():
            return str(self._session().get_config_variable("region") or "")

    def ask(self, service: str, region: str, operation: str, ends: Deadline, **parameters: object) -> Found:
        """One request."""
        ends.check()
        client = self.client(service, region)
        with as_cloud_error():
            found: Found = getattr(client, operation)(**parameters)
        return found

    def read(
        self,
        service: str,
        region: str,
        operation: str,
        ends: Deadline,
        take: Callable[[Found], Iterable[Found]],
        *,
        is_over: Callable[[], bool] = lambda: False,
        in_pages_of: int | None = 0,
        limit: int = 0,
        **parameters: object,
    ) -> Read:
        """Items of all pages, up to the limit of the account, until `is_over`. What was read stays where a later page
        fails. `in_pages_of` None: as many as the service likes; `limit` is of what is no list of things."""
        limit = limit or self.account.items_max
        found: list[Found] = []
        try:
            for page in self._pages(
                service, region, operation, ends, PAGE if in_pages_of == 0 else in_pages_of, parameters
            ):
                for item in take(page):
                    if len(found) >= limit:
                        return Read(found, is_cut=True)
                    found.append(item)
                if is_over():
                    break
        except CloudError as error:
            if not found:
                raise
            return Read(found, (Missing(region, f"the rest behind {len(found)}", error.message, error.trouble),))
        return Read(found)

    def _pages(
        self,
        service: str,
        region: str,
        operation: str,
        ends: Deadline,
        page_size: int | None,
        parameters: Mapping[str, object],
    ) -> Iterator[Found]:
        ends.check()
        client = self.client(service, region)
        with as_cloud_error():
            pages = iter(
                client.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": page_size})
            )
        while True:
            ends.check()
            with as_cloud_error():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def close(self) -> None:
        """Let all connections go."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _endpoint(self) -> str | None:
        return self.account.option("endpoint") or None

    def _config(self) -> Config:
        from botocore.config import Config

        timeout_s = self.account.timeout_s
        return Config(
            connect_timeout=min(timeout_s, 5.0),
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": self.account.tries_max},
            user_agent_appid="trimtab",
            max_pool_connections=8,
        )

    def _session(self) -> Session:
        """With the lock held. Credentials are looked for when the first request needs them."""
        if self._made is None:
            base = _plain_session(self.account.option("profile"))
            role = self.account.option("role")
            self._made = base if not role else self._as_role(base, role)
        return self._made

    def _as_role(self, base: Session, role: str) -> Session:
        """A session whose credentials are those of a role, renewed before they end."""
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        sts_region = (self.account.regions or (str(base.get_config_variable("region") or "us-east-1"),))[0]

        def client_creator(service: str, **given: object) -> BaseClient:
            options = {"region_name": sts_region, "endpoint_url": self._endpoint(), "config": self._config(), **given}
            return base.create_client(service, **options)

        credentials = base.get_credentials()
        if credentials is None:
            raise CloudError("there are no credentials to assume the role with", trouble=Trouble.CREDENTIALS)
        extra = {"RoleSessionName": ROLE_SESSION}
        if self.account.option("external_id"):
            extra["ExternalId"] = self.account.option("external_id")
        fetcher = AssumeRoleCredentialFetcher(client_creator, credentials, role, extra_args=extra)
        made = _plain_session("")
        made._credentials = DeferredRefreshableCredentials(
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )
        return made


def _plain_session(profile: str) -> Session:
    from botocore.session import Session as BotoSession

    session = BotoSession(profile=profile or None)
    session.register_component("data_loader", _loader())
    return session


@lru_cache(maxsize=1)
def _loader() -> object:
    """Reads the descriptions of the services (0.5 s of processor time for five of them): once for all accounts."""
    from botocore.loaders import create_loader

    return create_loader()


@contextmanager
def as_cloud_error() -> Iterator[None]:
    """What boto raises as a `CloudError`: what kind of trouble it is, and what AWS said, without any credential."""
    try:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectTimeoutError,
            CredentialRetrievalError,
            HTTPClientError,
            NoCredentialsError,
            PartialCredentialsError,
            ProfileNotFound,
            ReadTimeoutError,
            TokenRetrievalError,
            UnauthorizedSSOTokenError,
        )
        from botocore.exceptions import (
            ConnectionError as NoConnection,
        )
        from botocore.parsers import ResponseParserError
    except ImportError as error:
        raise MissingError("the client of AWS is not installed: pip install 'trimtab[aws]'", extra="aws") from error

    try:
        yield
    except ClientError as error:
        raise _refused(error) from error
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise _said(error, Trouble.SLOW) from error
    except (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        TokenRetrievalError,
        UnauthorizedSSOTokenError,
    ) as error:
        raise _said(error, Trouble.CREDENTIALS) from error
    except (NoConnection, HTTPClientError) as error:
        raise _said(error, Trouble.UNREACHABLE) from error
    except ResponseParserError as error:
        raise _said(error, Trouble.UNREACHABLE) from error
    except BotoCoreError as error:
        raise _said(error, Trouble.REFUSED) from error


def _refused(error: Any) -> CloudError:
    """An answer that is an error."""
    said = error.response.get("Error", {})
    code = str(said.get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    tries = int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) + 1
    trouble = trouble_of(code, status)
    again = f", tried {tries} times" if tries > 1 else ""
    message = str(said.get("Message", "")).partition("\n")[0]  # behind it may stand what was signed
    told = f"{error.operation_name}: {code}: {message}"[:TOLD_CHARS_MAX]
    return CloudError(f"{told}{again}", trouble=trouble)


def trouble_of(code: str, status: int) -> Trouble:
    """What kind of trouble an error of AWS is.

    >>> trouble_of("RequestLimitExceeded", 503).value, trouble_of("AuthFailure", 401).value
    ('throttled', 'credentials')
    >>> trouble_of("Client.UnauthorizedOperation", 403).value, trouble_of("InternalError", 500).value
    ('denied', 'unreachable')
    """
    name = code.rpartition(".")[2]
    if name in _THROTTLED or status == 429:
        return Trouble.THROTTLED
    if name in _CREDENTIALS:
        return Trouble.CREDENTIALS
    if name in _DENIED or status == 403:
        return Trouble.DENIED
    return Trouble.UNREACHABLE if status >= 500 else Trouble.REFUSED


def _said(error: Exception, trouble: Trouble) -> CloudError:
    return CloudError(f"{type(error).__name__}: {error}"[:TOLD_CHARS_MAX], trouble=trouble)
