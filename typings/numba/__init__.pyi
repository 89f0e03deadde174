from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])

def njit(
    signature: str | list[str],
    *,
    cache: bool = ...,
    nogil: bool = ...,
    error_model: str = ...,
    fastmath: bool = ...,
    inline: str = ...,
) -> Callable[[F], F]: ...
