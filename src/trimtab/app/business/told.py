"""What went wrong in a part of business: said until it goes right, and the other parts go on."""

from __future__ import annotations

import structlog

from trimtab.model.errors import InputError, MissingError, StoreError

log = structlog.get_logger()


class Told:
    """Keeps what went wrong in a part, until it goes right."""

    def __init__(self, problems: dict[str, str], name: str) -> None:
        self._problems, self._name = problems, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is None:
            self._problems.pop(self._name, None)
            return False
        if isinstance(error, InputError | StoreError | MissingError):
            if self._problems.get(self._name) != error.message:
                log.warning("business_part_failed", part=self._name, reason=error.message)
            self._problems[self._name] = error.message
            return True
        return False
