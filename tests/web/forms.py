"""Sends a form as a browser does: the fields of the page, with what a person put in."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

import httpx2
from starlette.testclient import TestClient


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._now: dict[str, str] | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name")
        if tag == "form" and (found.get("method") or "get").lower() == "post":
            self._now = self.forms.setdefault(str(found.get("action")), {})
        elif self._now is None:
            return
        elif tag == "input" and name is not None:
            if found.get("type") == "radio" and "checked" not in found:
                return
            self._now[name] = found.get("value") or ""
        elif tag == "textarea" and name is not None:
            self._now[name] = ""
        elif tag == "select" and name is not None:
            self._select = name
        elif tag == "option" and self._select is not None and ("selected" in found or self._select not in self._now):
            self._now[self._select] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._now = None
        if tag == "select":
            self._select = None


def forms_of(page: str) -> dict[str, dict[str, str]]:
    """Every form that does something, by its address: names and values as they are."""
    reader = _Forms()
    reader.feed(page)
    return reader.forms


def send(
    client: TestClient, page: str, action: str, typed: Mapping[str, str] | None = None, **headers: str
) -> httpx2.Response:
    """Send the form of a page with this address."""
    forms = forms_of(page)
    assert action in forms, f"the page has no form for {action}: {sorted(forms)}"
    return client.post(action, data={**forms[action], **(typed or {})}, headers=headers)
