"""Plans for people and as JSON: EXPLAIN's text form, each step with a bar of its own time, and what was found."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import Any

from trimtab.analyze.queries.plans.document import number
from trimtab.analyze.queries.plans.hint import Hint, ScoreOf
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.analyze.queries.plans.rules.estimates import misestimate
from trimtab.analyze.queries.plans.steps import Step, StepTree, steps_of
from trimtab.app.explaining import Explained
from trimtab.observe.postgres.plan_facts import stored_plan, structure_hash

BAR_CHARS = 10
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_OF = {ScoreOf.TIME: "of the time", ScoreOf.PAGES: "of the pages", ScoreOf.COST: "of the cost"}
_BOLD, _DIM, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True)
class Told:
    """One plan, ready to be told."""

    explained: Explained
    tree: StepTree
    hints: list[Hint]

    @classmethod
    def of(cls, explained: Explained) -> Told:
        """Reckon what there is to tell."""
        tree = steps_of(explained.document)
        return cls(explained, tree, hints_of(tree, explained.catalogue))

    def document(self) -> dict[str, Any]:
        """As JSON."""
        raw = self.tree.document.raw
        return {
            "statement": self.tree.document.statement,
            "how": self.explained.how,
            "why_not_run": self.explained.why_not_run,
            "taken_at": self.tree.document.taken_at,
            "structure": structure_hash(stored_plan(raw)),
            "planning_ms": number(raw, "Planning Time"),
            "execution_ms": number(raw, "Execution Time"),
            "score_of": self.tree.score_of.value,
            "text": list(self.tree.lines),
            "steps": [_step(step) for step in self.tree.steps],
            "findings": [asdict(hint) for hint in self.hints],
        }

    def text(self, *, is_coloured: bool) -> str:
        """For people."""
        marks: dict[int, list[int]] = {}
        for place, one in enumerate(self.hints, start=1):
            marks.setdefault(one.line, []).append(place)
        lines = [self._head(), ""]
        of_line = {step.line: step for step in self.tree.steps}
        width = len(str(len(self.tree.lines)))
        for place, line in enumerate(self.tree.lines, start=1):
            figures = _figures(of_line[place], self.tree.score_of) if place in of_line else " " * FIGURES_CHARS
            mark = "".join(f" [{which}]" for which in marks.get(place, ()))
            words = f"{_BOLD}{line}{_END}" if is_coloured and place in of_line else line
            lines.append(f"{place:>{width}} {figures} {words}{mark}".rstrip())
        lines += ["", *self._findings(is_coloured=is_coloured)]
        return "\n".join(lines)

    def _head(self) -> str:
        raw = self.tree.document.raw
        words = [self.explained.how]
        words += [
            f"{key.split()[0].lower()} {time_ms:,.3f} ms"
            for key in ("Execution Time", "Planning Time")
            if (time_ms := number(raw, key)) is not None
        ]
        head = ", ".join(words)
        if self.explained.why_not_run:
            head += f"\nnot run: {self.explained.why_not_run.removeprefix('it was not run: ')}"
        return head + f"\nline, own {_unit(self.tree.score_of)}, its share of all"

    def _findings(self, *, is_coloured: bool) -> list[str]:
        if not self.hints:
            return ["nothing found"]
        lines = [f"{len(self.hints)} finding{'s' if len(self.hints) > 1 else ''}"]
        room = max(60, shutil.get_terminal_size((110, 24)).columns) if is_coloured else 110
        for place, hint in enumerate(self.hints, start=1):
            lines.append(f"[{place}] {hint.score:.0%} {_OF[hint.score_of]}, line {hint.line}: {hint.title} ({hint.id})")
            lines += _folded(f"{hint.step}: {hint.found}", room, "    ")
            for mend in hint.mends:
                lines += _folded(f"-> {mend.words}", room, "    ")
                if mend.sql:
                    lines.append(f"       {mend.sql};")
        return lines


FIGURES_CHARS = 11 + 1 + 4 + 1 + BAR_CHARS


def _figures(step: Step, score_of: ScoreOf) -> str:
    own = {ScoreOf.TIME: step.own_ms, ScoreOf.PAGES: step.own_pages, ScoreOf.COST: step.own_cost}[score_of]
    value = "" if own is None else f"{own:,.2f} ms" if score_of is ScoreOf.TIME else f"{own:,.0f}"
    return f"{value:>11} {step.share:>4.0%} {bar(step.share)}"


def bar(share: float) -> str:
    """A bar of ten characters.

    >>> bar(0.5), bar(0.03), bar(1.0)
    ('█████     ', '▎         ', '██████████')
    """
    eighths = min(BAR_CHARS * 8, round(share * BAR_CHARS * 8))
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(BAR_CHARS)


def _unit(score_of: ScoreOf) -> str:
    return {ScoreOf.TIME: "time", ScoreOf.PAGES: "pages", ScoreOf.COST: "cost"}[score_of]


def _folded(text: str, room: int, indent: str) -> list[str]:
    lines, line = [], indent
    for word in text.split():
        if len(line) + len(word) > room and line.strip():
            lines.append(line.rstrip())
            line = indent + "  "
        line += word + " "
    return [*lines, line.rstrip()]


def _step(step: Step) -> dict[str, Any]:
    return {
        "line": step.line,
        "depth": step.depth,
        "title": step.title,
        "relationship": step.relationship or None,
        "rows_estimated": step.rows_estimated,
        "rows_actual": step.rows_actual,
        "loops": step.loops,
        "misestimate_factor": misestimate(step),
        "time_ms": step.time_ms,
        "own_ms": step.own_ms,
        "own_pages": step.own_pages,
        "own_pages_read": step.own_pages_read,
        "own_pages_temporary": step.own_pages_temporary,
        "own_cost": step.own_cost,
        "share": step.share,
    }
