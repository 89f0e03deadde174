"""The demo without a terminal: a line when something happens, a summary now and then."""

from __future__ import annotations

from demo.outcome import effect_of, proposal_of
from demo.show.view import Json, View, ms_text, processor_text, ratio_text, state_of

SUMMARY_EVERY_S = 30.0


class PlainScreen:
    """Lines on standard output, each flushed at once."""

    def __init__(self) -> None:
        self._states: dict[int, str] = {}
        self._ledger_seq = 0
        self._summary_at_s = SUMMARY_EVERY_S

    def say(self, text: str) -> None:
        """A line."""
        print(text, flush=True)

    def show(self, view: View) -> None:
        """What changed since the last view."""
        at = f"[{view.elapsed_s:5.0f} s]"
        for entry in view.ledger:
            if int(entry["seq"]) > self._ledger_seq:
                self._ledger_seq = int(entry["seq"])
                self.say(f"{at} ledger {entry['seq']}: case {entry['case_id']} {entry['state']}: {entry['event']}")
        for case in view.cases:
            state = state_of(case)
            if self._states.get(int(case["id"])) != state:
                self._states[int(case["id"])] = state
                self.say(f"{at} {_case_line(case, state)}")
        if view.elapsed_s >= self._summary_at_s:
            self._summary_at_s = view.elapsed_s + SUMMARY_EVERY_S
            felt = ", ".join(f"{s.fault.statement.name} {ms_text(s.p95_ms)}" for s in view.sufferings)
            self.say(f"{at} {view.calls_per_s:.0f} statements/s, {view.errors_count} failed; p95: {felt}")
            self.say(f"{at} processor: {processor_text(view.processor)}")
            for note in view.notes:
                self.say(f"{at} {note}")

    def close(self) -> None:
        """Nothing to restore."""


def _case_line(case: Json, state: str) -> str:
    proposal, effect = proposal_of(case), effect_of(case)
    parts = [f"case {case['id']} {state}: {case['query_text'][:100]}"]
    if proposal:
        predicted = ratio_text(proposal.get("predicted_ratio"), proposal.get("predicted_interval_90"))
        parts.append(f"{proposal.get('summary')}, predicted {predicted}")
    if effect:
        parts.append(f"measured {ratio_text(effect.get('ratio'), effect.get('interval_90'))}")
        parts.append(f"p95 {ms_text(effect.get('p95_before_ms'))} -> {ms_text(effect.get('p95_after_ms'))}")
    if case["verdict"] and case.get("reason"):
        parts.append(str(case["reason"]))
    return "\n          ".join(parts)
