"""What pages, the API and the command line are told: plain values with units in their names, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.analyze.cost.forecast import METHOD as FORECAST_METHOD
from trimtab.analyze.cost.forecast import Forecast
from trimtab.analyze.cost.prices import PER
from trimtab.analyze.quality.score import SOURCE as SCORE_SOURCE
from trimtab.app.business.keeper import BusinessNow
from trimtab.app.business.pipelining import PipelineNow
from trimtab.app.business.probing import ProbeNow
from trimtab.app.business.quality import Scored
from trimtab.app.business.satisfying import SatisfactionNow
from trimtab.app.business.series import VALUE_NAMES
from trimtab.app.business.spending import METHOD, CostNow, PipelineCost, ShapeCost
from trimtab.app.files_in_force import FileNow
from trimtab.model.pipelines import PipelineRun
from trimtab.observe.probes.statements import statement_of

PIPELINE_COST_METHOD = "time that runs waited for databases, at the price of processor time: the most that it can be"


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A probe. `value` None: `why_not` says why; `state` is good, bad, measured, failed, stale or waiting."""

    name: str
    system: str
    table: str
    kind: str
    dimension: str
    description: str
    unit: str
    wanted: str
    weight: float
    interval_ms: int
    timeout_ms: int
    state: str
    value: float | None
    score: float | None
    at_ms: int | None
    duration_ms: float | None
    why_not: str
    due_at_ms: int
    is_running: bool
    held: str
    runs_count: int
    skipped_count: int
    series: str
    statement: str
    origin: str
    line: int


@dataclass(frozen=True, slots=True)
class ScorePartRow:
    """One dimension of a score."""

    dimension: str
    weight: float
    score: float | None
    coverage: float
    probes_count: int
    measured_count: int


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The score of a system (`table` '') or a table; `low` to `high` is what it could be if all were measured."""

    system: str
    table: str
    score: float | None
    low: float
    high: float
    coverage: float
    probes_count: int
    measured_count: int
    parts: tuple[ScorePartRow, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file; `problems` are why what it says now is not in force."""

    file: str
    count: int
    read_at_ms: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QualityAnswer:
    """Scores, worst first, and the probes behind them."""

    at_ms: int
    source: str
    systems: tuple[ScoreRow, ...]
    tables: tuple[ScoreRow, ...]
    probes: tuple[ProbeRow, ...]
    files: tuple[FileRow, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A line of the price list."""

    resource: str
    price: float
    per: str
    as_of: str
    source: str
    systems: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class SystemCostRow:
    """What a system cost in the month so far, by resource."""

    system: str
    total: float
    processor: float
    io: float
    storage: float
    fixed: float
    measured_ratio: float
    from_ms: int


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """The whole month: it lies between `low` and `high` 8 times in 10."""

    middle: float
    low: float
    high: float
    days_count: int
    method: str


@dataclass(frozen=True, slots=True)
class CostAnswer:
    """The month (UTC). `why` says why nothing is known; `no_forecast`, why there is no forecast."""

    at_ms: int
    month_start_ms: int
    month_end_ms: int
    currency: str
    spent: float
    measured_ratio: float
    budget: float | None
    budget_used_ratio: float | None
    forecast: ForecastRow | None
    no_forecast: str
    systems: tuple[SystemCostRow, ...]
    shapes: tuple[ShapeCost, ...]
    pipelines: tuple[PipelineCost, ...]
    prices: tuple[PriceRow, ...]
    method: str
    pipelines_method: str
    why: str


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline over the window, as one source tells of it; the interval of the rate holds 9 times in 10."""

    pipeline: str
    source: str
    success_rate: float | None
    success_rate_low: float | None
    success_rate_high: float | None
    success_count: int
    failed_count: int
    aborted_count: int
    running_count: int
    mean_duration_ms: float | None
    last_duration_ms: float | None
    last_ended_at_ms: int | None
    last_success_at_ms: int | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run."""

    pipeline: str
    source: str
    run_id: str
    status: str
    started_at_ms: int | None
    ended_at_ms: int | None
    duration_ms: float | None
    told: str


@dataclass(frozen=True, slots=True)
class PipelinesAnswer:
    """Pipelines by name."""

    at_ms: int
    window_s: float
    pipelines: tuple[PipelineRow, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SatisfactionRow:
    """A source of satisfaction. `value` None: `why_not` says why; the interval holds 9 times in 10."""

    name: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    scale: float
    ratio: float | None
    count: int
    window_ms: int
    method: str
    why_not: str
    refused_count: int
    refused: tuple[str, ...]


def quality_of(now: BusinessNow, now_ms: int, system: str | None = None) -> QualityAnswer:
    """Of all systems, or of one."""

    def mine(name: str) -> bool:
        return system is None or name == system

    return QualityAnswer(
        at_ms=now.at_ms,
        source=SCORE_SOURCE,
        systems=tuple(_score_row(one) for one in now.systems if mine(one.system)),
        tables=tuple(_score_row(one) for one in now.tables if mine(one.system)),
        probes=tuple(probe_row(one, now_ms) for one in now.probes if mine(one.probe.system)),
        files=tuple(file_row(one) for one in now.files),
        problems=tuple(f"{name}: {told}" for name, told in now.problems),
    )


def _score_row(one: Scored) -> ScoreRow:
    score = one.score
    parts = tuple(
        ScorePartRow(
            part.dimension.value, part.weight, part.score, part.coverage, part.probes_count, part.measured_count
        )
        for part in score.parts
    )
    return ScoreRow(
        one.system,
        one.table,
        score.score,
        score.low,
        score.high,
        score.coverage,
        score.probes_count,
        score.measured_count,
        parts,
    )


def probe_row(now: ProbeNow, now_ms: int) -> ProbeRow:
    """One probe."""
    probe, found, current = now.probe, now.measured, now.current(now_ms)
    return ProbeRow(
        name=probe.name,
        system=probe.system,
        table=probe.table,
        kind=probe.kind.value,
        dimension=probe.dimension.value,
        description=probe.description,
        unit=probe.unit,
        wanted=str(probe.wanted or ""),
        weight=probe.weight,
        interval_ms=probe.interval_ms,
        timeout_ms=probe.timeout_ms,
        state=_state(now, now_ms),
        value=None if found is None else found.value,
        score=None if current is None else current.score(probe),
        at_ms=None if found is None else found.at_ms,
        duration_ms=None if found is None or not found.duration_ms else found.duration_ms,
        why_not="" if found is None else found.error,
        due_at_ms=now.due_at_ms,
        is_running=now.is_running,
        held=now.held,
        runs_count=now.runs_count,
        skipped_count=now.skipped_count,
        series=f'{VALUE_NAMES[probe.kind]}{{probe="{probe.name}"}}',
        statement=statement_of(probe),
        origin=probe.origin,
        line=probe.line,
    )


def _state(now: ProbeNow, now_ms: int) -> str:
    if now.measured is None:
        return "waiting"
    if now.current(now_ms) is None:
        return "stale"
    if now.measured.value is None:
        return "failed"
    good = now.measured.is_good(now.probe)
    return "measured" if good is None else "good" if good else "bad"


def file_row(one: FileNow) -> FileRow:
    """One file."""
    return FileRow(one.file, one.count, one.read_at_ms, one.told)


def cost_answer(
    now: CostNow, shapes: list[ShapeCost], pipelines: list[PipelineCost], system: str | None = None
) -> CostAnswer:
    """Of all systems, or of one (budget and forecast are of all)."""
    ahead = now.forecast
    known = now.prices is not None
    budget = None if now.budget is None else now.budget.month
    return CostAnswer(
        at_ms=now.at_ms,
        month_start_ms=now.month_start_ms,
        month_end_ms=now.month_end_ms,
        currency="" if now.prices is None else now.prices.currency,
        spent=now.spent,
        measured_ratio=now.measured_ratio,
        budget=budget,
        budget_used_ratio=now.spent / budget if budget and known else None,
        forecast=ForecastRow(ahead.middle, ahead.low, ahead.high, ahead.days_count, FORECAST_METHOD)
        if isinstance(ahead, Forecast)
        else None,
        no_forecast="" if isinstance(ahead, Forecast) else ahead.why,
        systems=tuple(
            SystemCostRow(
                one.system,
                one.costs.total,
                one.costs.processor,
                one.costs.io,
                one.costs.storage,
                one.costs.fixed,
                one.measured_ratio,
                one.from_ms,
            )
            for one in now.systems
            if system in (None, one.system)
        ),
        shapes=tuple(shapes),
        pipelines=tuple(pipelines),
        prices=tuple(
            PriceRow(one.resource.value, one.price, PER[one.resource], one.as_of, one.source, one.systems, one.note)
            for one in (() if now.prices is None else now.prices.prices)
        ),
        method=METHOD,
        pipelines_method=PIPELINE_COST_METHOD,
        why=now.why,
    )


def pipeline_row(now: PipelineNow) -> PipelineRow:
    """One pipeline."""
    low, high = now.interval or (None, None)
    return PipelineRow(
        now.pipeline,
        now.source,
        now.success_rate,
        low,
        high,
        now.success_count,
        now.failed_count,
        now.aborted_count,
        now.running_count,
        now.mean_duration_ms,
        now.last_duration_ms,
        now.last_ms,
        now.last_success_ms,
    )


def run_row(run: PipelineRun) -> RunRow:
    """One run."""
    return RunRow(
        run.pipeline,
        run.source.value,
        run.run_id,
        run.status.value,
        run.started_at_ms,
        run.ended_at_ms,
        run.duration_ms,
        run.told,
    )


def satisfaction_row(now: SatisfactionNow) -> SatisfactionRow:
    """One source."""
    return SatisfactionRow(
        now.source.name,
        now.source.kind,
        now.value,
        now.low,
        now.high,
        now.source.scale,
        now.ratio,
        now.count,
        now.source.window_ms,
        now.method,
        now.why,
        now.refused_count,
        tuple(f"line {one.line}: {one.reason}" for one in now.refused),
    )
