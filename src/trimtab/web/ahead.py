"""`GET /series/ahead`: bands for the charts of a page, what is forecast of their lines; asked when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from starlette.responses import Response

from trimtab.app.forecasting.bands import Band, BandedLine, banded
from trimtab.app.forecasting.subjects import FORECAST
from trimtab.model.errors import InputError
from trimtab.store.forecast_state import LINES
from trimtab.web.series import rounded

if TYPE_CHECKING:
    from trimtab.web.pages.frame import Asked

KEYS_MAX = 100


def ahead(asked: Asked) -> Response:
    """`key` (once for each line, as `/series` has them), `from`, `to`; `past=1` for forecasts of before, too."""
    keys = asked.request.query_params.getlist("key")
    if len(keys) > KEYS_MAX:
        raise InputError(f"key: at most {KEYS_MAX} keys, found {len(keys)}", field="key", limit=KEYS_MAX)
    past = asked.query("past") or "0"
    if past not in ("0", "1"):
        raise InputError(f"past: 0 or 1, found {past[:20]!r}", field="past")
    forecasts = asked.service.forecasts
    within = asked.service.read.range(asked.query("from") or None, asked.query("to") or None)
    lines = banded(forecasts.now, forecasts.state, keys, within, with_past=past == "1")
    told = {"at_ms": forecasts.now.at_ms, "enabled": forecasts.is_enabled, "lines": [_line(one) for one in lines]}
    return Response(msgspec.json.encode(told), media_type="application/json", headers={"Cache-Control": "no-store"})


def _line(one: BandedLine) -> dict[str, object]:
    record = one.now.record
    return {
        "key": one.key,
        "about": one.about,
        "series": one.now.subject.id,
        "model": one.now.model,
        "points": record.points,
        "inside_90": record.inside_90,
        "is_own": one.key.startswith(FORECAST),
        "ahead": _band(one.ahead),
        "past": [_band(band) for band in one.past],
    }


def _band(band: Band) -> dict[str, object]:
    values = {name: rounded(np.asarray(row, np.float64).tolist()) for name, row in zip(LINES, band.values, strict=True)}
    return {"start_ms": band.start_ms, "step_ms": band.step_ms, **values}
