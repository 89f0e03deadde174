"""How Azure is asked: credentials by azure-identity's chain, the pipeline with its tries by azure-core, pages and
errors here.

The generated clients are not used at run time: loading those of machines and networks takes 300 MB of memory, for eight
kinds of questions. The tests let them read the same answers. The pipeline is put together by hand, since Azure's ready
one for Resource Manager registers providers in a subscription by itself: looking must not change anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trimtab.extend.clouds import Account, CloudError, Deadline, Missing, Trouble
from trimtab.model.errors import MissingError

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.policies import RetryPolicy
    from azure.core.rest import HttpRequest, HttpResponse

ENDPOINT = "https://management.azure.com"
TOLD_CHARS_MAX = 400
RETRY_AFTER_S_MAX = 10.0
"""Who is told to wait longer is not asked again in this look."""

_TRIED = re.compile(r"^\t(\w+): ", re.MULTILINE)
"""A credential of azure-identity's chain, as its error lists them."""
Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """Items of a list: what is missing of it, and whether there are more than the account's limit."""

    items: list[Found]
    missing: tuple[Missing, ...] = ()
    is_cut: bool = False


class Calling:
    """One account: one subscription. Thread-safe."""

    def __init__(self, account: Account, credential: TokenCredential | None = None) -> None:
        self.account = account
        self._lock = Lock()
        self._given = credential
        self._client: PipelineClient[HttpRequest, HttpResponse] | None = None
        self._endpoint = account.option("endpoint").rstrip("/") or ENDPOINT

    def of_subscription(self, path: str) -> str:
        """A path under the subscription."""
        return f"/subscriptions/{self.account.option('subscription')}/providers/{path}"

    def get(self, path: str, version: str, ends: Deadline, **parameters: str) -> Found:
        """One request. A parameter's `_filter` is sent as `$filter`."""
        named = {("$filter" if name == "_filter" else name): value for name, value in parameters.items()}
        return self._ask(f"{self._endpoint}{path}", {**named, "api-version": version}, ends)

    def read(self, path: str, version: str, ends: Deadline, **parameters: str) -> Read:
        """Items of all pages, up to the limit of the account. What was read stays where a later page fails."""
        limit = self.account.items_max
        found: list[Found] = []
        page = self.get(path, version, ends, **parameters)
        while True:
            for item in page.get("value") or ():
                if len(found) >= limit:
                    return Read(found, is_cut=True)
                found.append(item)
            link = str(page.get("nextLink") or "")
            if not link:
                return Read(found)
            try:
                page = self._ask(self._own(link), {}, ends)
            except CloudError as error:
                return Read(found, (Missing("", f"the rest behind {len(found)}", error.message, error.trouble),))

    def here(self, items: list[Found]) -> list[Found]:
        """Those of the regions that the configuration names; all where it names none."""
        wanted = self.account.regions
        return [one for one in items if not wanted or region_of(one) in wanted]

    def close(self) -> None:
        """Let its connections go."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _own(self, link: str) -> str:
        """A link to the next page; the token goes to no other host. Azure writes the port out where it need not."""
        if origin_of(link) != origin_of(self._endpoint):
            raise CloudError(f"the next page is at another host: {urlsplit(link).netloc[:80]}")
        return link

    def _ask(self, url: str, parameters: Mapping[str, str], ends: Deadline) -> Found:
        client = self._opened()  # says what to install where the libraries are not there
        from azure.core.exceptions import (
            AzureError,
            ClientAuthenticationError,
            ServiceRequestError,
            ServiceRequestTimeoutError,
            ServiceResponseError,
            ServiceResponseTimeoutError,
        )
        from azure.core.rest import HttpRequest

        request_s = ends.left_s(self.account.timeout_s)
        options: dict[str, Any] = {
            "connection_timeout": min(request_s, 5.0),
            "read_timeout": request_s,
            "timeout": ends.left_s(3600),
        }
        if self._endpoint.startswith("http://"):
            options["enforce_https"] = False
        try:
            answer = client.send_request(HttpRequest("GET", url, params=dict(parameters)), **options)
        except ClientAuthenticationError as error:
            raise _said(error, Trouble.CREDENTIALS) from error
        except (ServiceRequestTimeoutError, ServiceResponseTimeoutError) as error:
            raise _said(error, Trouble.SLOW) from error
        except (ServiceRequestError, ServiceResponseError) as error:
            raise _said(error, Trouble.UNREACHABLE) from error
        except AzureError as error:
            raise _said(error, Trouble.REFUSED) from error
        try:
            found = answer.json()
        except ValueError as error:
            told = f"status {answer.status_code}, and the answer is not JSON"
            raise CloudError(told, trouble=trouble_of(answer.status_code)) from error
        if answer.status_code != 200 or not isinstance(found, dict):
            raise _refused(answer.status_code, found)
        return found

    def _opened(self) -> PipelineClient[HttpRequest, HttpResponse]:
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> PipelineClient[HttpRequest, HttpResponse]:
        try:
            from azure.core import PipelineClient
            from azure.core.pipeline.policies import RequestIdPolicy, UserAgentPolicy
            from azure.identity import DefaultAzureCredential
            from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
        except ImportError as error:
            raise MissingError(
                "the client of Azure is not installed: pip install 'trimtab[azure]'", extra="azure"
            ) from error
        _hush()
        credential = self._given or DefaultAzureCredential()
        scope = ENDPOINT if self._endpoint.startswith("http://") else self._endpoint
        return PipelineClient(
            self._endpoint,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy("trimtab"),
                retries(self.account.tries_max),
                ARMChallengeAuthenticationPolicy(credential, f"{scope}/.default"),
            ],
        )


def retries(tries_max: int) -> RetryPolicy[HttpRequest, HttpResponse]:
    """Azure's own policy of trying again, which never waits longer than a look may take."""
    from azure.core.pipeline.policies import RetryPolicy

    class Bounded(RetryPolicy[Any, Any]):
        """Does not wait out a long Retry-After."""

        def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
            """Whether to try again."""
            waits_s = self.get_retry_after(response)
            return (waits_s or 0.0) <= RETRY_AFTER_S_MAX and super().is_retry(settings, response)

    return Bounded(
        retry_total=tries_max - 1,
        retry_connect=tries_max - 1,
        retry_read=tries_max - 1,
        retry_status=tries_max - 1,
        retry_backoff_factor=0.5,
        retry_backoff_max=8,
    )


def _refused(status: int, found: object) -> CloudError:
    told = found.get("error", found) if isinstance(found, dict) else {}
    told = told if isinstance(told, dict) else {}
    code, message = str(told.get("code", "")), str(told.get("message", ""))
    text = ": ".join(filter(None, (f"status {status}", code, message)))[:TOLD_CHARS_MAX]
    return CloudError(text, trouble=trouble_of(status))


def trouble_of(status: int) -> Trouble:
    """What kind of trouble a status is.

    >>> trouble_of(429).value, trouble_of(401).value, trouble_of(503).value, trouble_of(404).value
    ('throttled', 'credentials', 'unreachable', 'refused')
    """
    known = {401: Trouble.CREDENTIALS, 403: Trouble.DENIED, 429: Trouble.THROTTLED, 408: Trouble.SLOW}
    return known.get(status, Trouble.UNREACHABLE if status >= 500 else Trouble.REFUSED)


def _hush() -> None:
    """azure-identity logs what it also raises, in twenty lines: what is raised is told, in one."""
    logger = logging.getLogger("azure.identity")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


def no_credentials(text: str) -> str:
    """In one line what azure-identity's chain says in twenty.

    >>> no_credentials("DefaultAzureCredential failed.\\n\\tEnvironmentCredential: unavailable.\\n\\tX: no.")
    "Azure's chain found no credentials (tried: Environment, X): 'az login', or AZURE_TENANT_ID, AZURE_CLIENT_ID and \
AZURE_CLIENT_SECRET, or an identity of this machine"
    """
    tried = [found.removesuffix("Credential") for found in _TRIED.findall(text)]
    return (
        f"Azure's chain found no credentials (tried: {', '.join(tried)}): 'az login', or AZURE_TENANT_ID, "
        "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or an identity of this machine"
    )


def _said(error: Exception, trouble: Trouble) -> CloudError:
    if trouble is Trouble.CREDENTIALS and _TRIED.search(str(error)):
        return CloudError(no_credentials(str(error)), trouble=trouble)
    return CloudError(f"{type(error).__name__}: {error}"[:TOLD_CHARS_MAX], trouble=trouble)


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port.

    >>> origin_of("https://management.azure.com:443/x") == origin_of("https://Management.azure.com")
    True
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def region_of(item: Found) -> str:
    """The region of a resource, in the form without spaces.

    >>> region_of({"location": "West Europe"})
    'westeurope'
    """
    return str(item.get("location", "")).replace(" ", "").lower()


def key_of(identity: str) -> str:
    """An id so that all its spellings are one: Azure does not heed case.

    >>> key_of("/subscriptions/S/resourceGroups/R/x/") == key_of("/subscriptions/s/resourcegroups/r/x")
    True
    """
    return identity.rstrip("/").lower()
