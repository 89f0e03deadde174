"""The address of a page follows what is typed into its search or chosen beside it: live updates and Back keep it."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.web.pages.frame import Asked


def in_address(asked: Asked, answer: Response) -> Response:
    """The answer; where a field asked for the results, with the address that shows the same."""
    source = asked.request.headers.get("hx-source", "")
    if asked.fragment == "results" and source.startswith(("input", "select")):
        pairs = [(name, value) for name, value in asked.request.query_params.items() if value and name != "fragment"]
        path = asked.request.url.path
        answer.headers["HX-Replace-Url"] = f"{path}?{urlencode(pairs)}" if pairs else path
    return answer
