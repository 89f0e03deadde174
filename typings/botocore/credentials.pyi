from collections.abc import Callable, Mapping

class AssumeRoleCredentialFetcher:
    def __init__(
        self,
        client_creator: Callable[..., object],
        source_credentials: object,
        role_arn: str,
        extra_args: Mapping[str, str] | None = None,
    ) -> None: ...
    def fetch_credentials(self) -> Mapping[str, str]: ...

class DeferredRefreshableCredentials:
    def __init__(self, refresh_using: Callable[[], Mapping[str, str]], method: str) -> None: ...
