"""Rule files that are wrong are refused with line, column and reason; what Go reads is read."""

from __future__ import annotations

import pytest

from trimtab.analyze.rules.rule_files import groups_of
from trimtab.analyze.rules.yaml_places import read
from trimtab.model.errors import InputError

GROUP = "groups:\n- name: g\n  rules:\n"
WRONG = {
    "groups: 5": "r.yml:1:9: groups is a text, not a list",
    "group: []": "r.yml:1:1: field group not found in rule file",
    "- a": "r.yml:1:1: rule file is a list, not a mapping",
    "groups:\n- name: a\n- name: a\n": 'r.yml:3:3: groupname: "a" is repeated in the same file',
    "groups:\n- rules: []\n": "r.yml:2:3: Groupname must not be empty",
    "groups:\n- name: a\n  name: b\n": 'r.yml:3:3: mapping key "name" already defined',
    "groups:\n- name: a\n  interval: 1 m\n": 'r.yml:3:13: not a valid duration string: "1 m"',
    "groups:\n- name: a\n  limit: -1\n": "r.yml:3:10: '-1' is no whole number from 0 on",
    "groups: [\n": "r.yml:2:1: no YAML: did not find expected node content",
    "a: b\n---\nc: d\n": "r.yml:3:1: a second document; one is wanted",
    GROUP + "  - {record: a}": "r.yml:4:5: field 'expr' must be set in rule",
    GROUP + "  - {expr: a}": "r.yml:4:5: one of 'record' or 'alert' must be set",
    GROUP + "  - {record: a, alert: b, expr: c}": "r.yml:4:5: only one of 'record' and 'alert' must be set",
    GROUP + "  - record: a\n    expr: sum(": "r.yml:5:11: could not parse expression: 1:5: parse error: unclosed",
    GROUP + "  - {record: a, expr: b, for: 1m}": "r.yml:4:31: invalid field 'for' in recording rule",
    GROUP + "  - {alert: a, expr: b, fro: 1m}": "r.yml:4:25: field fro not found in rule",
    GROUP + "  - {alert: a, expr: b, labels: {__name__: c}}": "r.yml:4:34: invalid label name: __name__",
    GROUP + "  - alert: a\n    expr: b\n    annotations:\n      say: '{{ $label }}'": (
        'r.yml:7:12: annotation "say": msg=error parsing template: undefined variable "$label"'
    ),
    GROUP + "  - alert: a\n    expr: b\n    labels:\n      say: '{{ nothing 1 }}'": (
        'r.yml:7:12: label "say": msg=error parsing template: function "nothing" not defined'
    ),
}


@pytest.mark.parametrize("text", list(WRONG))
def test_what_is_wrong_is_told_with_its_place(text: str) -> None:
    with pytest.raises(InputError) as found:
        groups_of(text, "r.yml")
    assert found.value.message.startswith(WRONG[text]), found.value.message


def test_anchors_and_merges_are_read_as_go_reads_them() -> None:
    text = """
groups:
- name: g
  rules:
  - &first {alert: A, expr: up == 0, for: 5m, labels: {severity: page}}
  - {<<: *first, alert: B, for: 10m}
"""
    first, second = groups_of(text, "r.yml")[0].rules
    assert (second.name, second.for_ms, second.expr, second.labels) == ("B", 600_000, first.expr, first.labels)


def test_numbers_and_truth_values_are_texts_where_texts_are_wanted() -> None:
    text = "groups: [{name: 5, rules: [{record: r, expr: 1, labels: {a: true, b: 0x10, c: ~}}]}]"
    (group,) = groups_of(text, "r.yml")
    assert (group.name, group.rules[0].expr, group.rules[0].labels) == ("5", "1", (("a", "true"), ("b", "0x10")))


@pytest.mark.slow
def test_aliases_do_not_grow_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InputError, match="aliases stand for more than 100000 parts"):
        read("\n".join(lines), "bomb.yml")


def test_an_empty_file_has_no_groups() -> None:
    assert groups_of("", "r.yml") == groups_of("groups:", "r.yml") == ()


def test_labels_of_a_group_are_of_all_its_rules() -> None:
    text = "groups: [{name: g, labels: {team: x, a: b}, rules: [{record: r, expr: up, labels: {a: c}}]}]"
    assert groups_of(text, "r.yml")[0].rules[0].labels == (("a", "c"), ("team", "x"))
    with pytest.raises(InputError, match="field labels not found in rule group"):
        groups_of(text, "r.yml", is_v2=True)


def test_origins_stay_when_expressions_change_and_differ_between_twins() -> None:
    text = "groups: [{name: g, rules: [{alert: A, expr: up < 1}, {alert: A, expr: up < 2}]}]"
    (group,) = groups_of(text, "r.yml")
    (changed,) = groups_of(text.replace("up < 1", "up < 5"), "r.yml")
    assert group.origin(0) == changed.origin(0) != group.origin(1) == changed.origin(1)
    (other,) = groups_of(text, "other.yml")
    assert other.origin(0) != group.origin(0)
