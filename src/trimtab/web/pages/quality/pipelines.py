"""`/quality/pipelines`: success rates and durations over the window, and the newest runs."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from trimtab.app.business.answers.pipelines import pipeline_row, run_row
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.quality.parts import RUN_STATES, TABS

ROWS = 200
RUNS = 50
NAME_CHARS_MAX = 300


def pipelines(asked: Asked) -> Response:
    """The page, or its results alone."""
    business = asked.service.business
    now = business.now
    chosen = asked.query("pipeline")[:NAME_CHARS_MAX]
    rows = [pipeline_row(one) for one in now.pipelines]
    rows.sort(key=lambda row: (2.0 if row.success_rate is None else row.success_rate, row.pipeline, row.source))
    label = chosen.replace("\\", "\\\\").replace('"', '\\"')
    selector = f'{{pipeline="{label}"}}' if chosen else ""
    context = {
        "title": "Pipelines",
        "charts": True,
        "tabs": TABS,
        "rows": rows[:ROWS],
        "total": len(rows),
        "window_ms": asked.service.config.business.pipeline_window_s * 1000,
        "runs": [run_row(run) for run in business.pipelining.newest(pipeline=chosen, limit=RUNS)],
        "words": RUN_STATES,
        "chosen": chosen,
        "problems": [told for name, told in now.problems if name in ("statsd", "pipelines", "pipelines_count")],
        "rate_keys": [f"named/{{pipeline}} ({{source}})/100 * pipeline_success_rate{selector}"],
        "duration_keys": [f"named/{{pipeline}} ({{source}})/1000 * pipeline_run_duration_seconds{selector}"],
        "quoted": lambda text: quote(text, safe=""),
    }
    return asked.page("quality_pipelines.html", "quality", context, fragments=("results",))
