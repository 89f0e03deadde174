"""What templates of rules can call: Go's own functions and Prometheus'."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlsplit

from trimtab.analyze.rules.go_format import Moment, Struct, formatted, general, moment, type_name, written
from trimtab.analyze.rules.template_parse import TemplateError
from trimtab.model.errors import InputError
from trimtab.store.metrics.matching import compile_pattern
from trimtab.store.promql.reader import duration_ms

if TYPE_CHECKING:
    import re2

Sample = tuple[Mapping[str, str], float]
Query = Callable[[str], Sequence[Sample]]
_LARGE, _SMALL = "kMGTPEZY", "munpfazy"
_PRINTED_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Function:
    """A function and what it takes: s text, f number or text of one, i whole number, v samples, a anything;
    `*` after the last: any number of these."""

    takes: str
    call: Callable[..., object]


def functions(query: Query, external_url: str, now_s: float) -> dict[str, Function]:
    """All functions by name; `query` answers at the moment of the evaluation."""
    return {
        **_PURE,
        "query": Function("s", lambda text: [_sample(*one) for one in _asked(query, text)]),
        "externalURL": Function("", lambda: external_url),
        "pathPrefix": Function("", lambda: urlsplit(external_url).path),
        "now": Function("", lambda: now_s),
    }


def _asked(query: Query, text: str) -> Sequence[Sample]:
    try:
        return query(text)
    except InputError as error:
        raise TemplateError(f"error calling query: {error.message}") from None


def _sample(labels: Mapping[str, str], value: float) -> Struct:
    found = Struct(Labels=dict(labels), Value=value)
    found.type_name = "*template.sample"
    return found


def number(value: object) -> float:
    """As Prometheus makes numbers of what it is given."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise TemplateError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TemplateError(f"can't convert {type_name(value)} to float")


def is_true(value: object) -> bool:
    """What `if` makes of a value."""
    if isinstance(value, Struct):
        return True
    if isinstance(value, float) and math.isnan(value):
        return True
    return bool(value)


# --- numbers for people ----------------------------------------------------------------------------------------------


def humanize(value: object) -> str:
    """
    >>> humanize(1234567.0), humanize(0.0123), humanize("0")
    ('1.235M', '12.3m', '0')
    """
    v = number(value)
    if v == 0 or not math.isfinite(v):
        return general(v, 4)
    v, prefix = _scaled(v, 1000, _LARGE) if abs(v) >= 1 else _small(v)
    return general(v, 4) + prefix


def humanize_1024(value: object) -> str:
    """
    >>> humanize_1024(1048576.0), humanize_1024(0.5)
    ('1Mi', '0.5')
    """
    v = number(value)
    if abs(v) <= 1 or not math.isfinite(v):
        return general(v, 4)
    v, prefix = _scaled(v, 1024, "KMGTPEZY")
    return general(v, 4) + (f"{prefix.lower() if prefix == 'K' else prefix}i" if prefix else "")


def humanize_duration(value: object) -> str:
    """
    >>> humanize_duration(93784.5), humanize_duration(61.0), humanize_duration(0.0021), humanize_duration(12.3456)
    ('1d 2h 3m 4s', '1m 1s', '2.1ms', '12.35s')
    """
    v = number(value)
    if not math.isfinite(v):
        return general(v, 4)
    if v == 0:
        return f"{general(v, 4)}s"
    if abs(v) < 1:
        v, prefix = _small(v)
        return f"{general(v, 4)}{prefix}s"
    sign, v = ("-", -v) if v < 0 else ("", v)
    whole = int(v)
    seconds, minutes, hours, days = whole % 60, whole // 60 % 60, whole // 3600 % 24, whole // 86_400
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{general(v, 4)}s"


def humanize_percentage(value: object) -> str:
    """
    >>> humanize_percentage(0.123456)
    '12.35%'
    """
    return f"{general(number(value) * 100, 4)}%"


def humanize_timestamp(value: object) -> str:
    """
    >>> humanize_timestamp(1435065584.128)
    '2015-06-23 13:19:44.128 +0000 UTC'
    """
    v = number(value)
    return moment(v) if math.isfinite(v) and abs(v) < 2**53 else general(v, 4)


def _scaled(v: float, base: int, prefixes: str) -> tuple[float, str]:
    prefix = ""
    for letter in prefixes:
        if abs(v) < base:
            break
        prefix, v = letter, v / base
    return v, prefix


def _small(v: float) -> tuple[float, str]:
    prefix = ""
    for letter in _SMALL:
        if abs(v) >= 1:
            break
        prefix, v = letter, v * 1000
    return v, prefix


def _to_time(value: object) -> Moment:
    v = number(value)
    if not math.isfinite(v):
        raise TemplateError(f"error calling toTime: invalid timestamp {general(v)}")
    return Moment(v)


def _parse_duration(text: str) -> float:
    value_ms = 0 if text == "0" else duration_ms(text)
    if value_ms is None or not text:
        raise TemplateError(f'error calling parseDuration: not a valid duration string: "{text}"')
    return value_ms / 1000


# --- texts -----------------------------------------------------------------------------------------------------------


def _regex(pattern: str) -> re2._Regexp[str]:
    try:
        return compile_pattern(pattern)
    except InputError as error:
        raise TemplateError(error.message) from None


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """
    >>> replace_all("(.*)-(.*)", "$2:${1}x", "web-01")
    '01:webx'
    """
    compiled = _regex(f"(?-s:{pattern})")

    def filled(match: re2._Match[str]) -> str:
        def part(name: re.Match[str]) -> str:
            if name[0] == "$$":
                return "$"
            key = name[1] or name[2]
            try:
                return match.group(int(key) if key.isdigit() else key) or ""
            except (IndexError, KeyError):
                return ""

        return re.sub(r"\$\$|\$(\w+)|\$\{(\w+)\}", part, replacement)

    return "".join(_replaced(compiled, filled, text))


def _replaced(compiled: re2._Regexp[str], filled: Callable[[re2._Match[str]], str], text: str) -> list[str]:
    out, at = [], 0
    for match in compiled.finditer(text):
        out += [text[at : match.start()], filled(match)]
        at = match.end()
    return [*out, text[at:]]


def _title(text: str) -> str:
    return re.sub(r"(^|[^\w'])(\w)", lambda match: match[1] + match[2].upper(), text)


def strip_port(host: str) -> str:
    """
    >>> strip_port("web-01:9100"), strip_port("[::1]:80"), strip_port("web-01")
    ('web-01', '::1', 'web-01')
    """
    match = re.fullmatch(r"\[([^\[\]]*)\]:[^:]*|([^:\[\]]*):[^:]*", host)
    return host if match is None else (match[1] if match[1] is not None else match[2])


def strip_domain(host: str) -> str:
    """
    >>> strip_domain("web-01.example.com:9100"), strip_domain("10.0.0.1:80")
    ('web-01:9100', '10.0.0.1:80')
    """
    name, port = strip_port(host), ""
    if name != host:
        port = host.rsplit(":", 1)[1]
    try:
        ip_address(name)
        return host
    except ValueError:
        name = name.split(".", 1)[0]
    return f"{name}:{port}" if port else name


def _graph_link(expression: str) -> str:
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=0"


def _table_link(expression: str) -> str:
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=1"


def escaped(text: str) -> str:
    """As Go escapes HTML."""
    return html.escape(text, quote=False).replace('"', "&#34;").replace("'", "&#39;").replace("\0", "\ufffd")


def _js(*values: object) -> str:
    text = json.dumps(_printed(*values))[1:-1].replace("'", "\\'")
    return re.sub(r"[<>&=]", lambda match: f"\\u{ord(match[0]):04X}", text)


def _printed(*values: object) -> str:
    out: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out.append(" ")
        out.append(written(value))
    return "".join(out)[:_PRINTED_MAX]


# --- samples ---------------------------------------------------------------------------------------------------------


def _first(samples: list[Struct]) -> Struct:
    if not samples:
        raise TemplateError("error calling first: first() called on vector with no elements")
    return samples[0]


def _labels(sample: object) -> Mapping[str, str]:
    labels = sample.get("Labels") if isinstance(sample, Struct) else None
    if not isinstance(labels, Mapping):
        raise TemplateError(f"wrong type for value; expected *template.sample; got {type_name(sample)}")
    return labels


def _value(sample: object) -> float:
    _labels(sample)
    value = sample["Value"] if isinstance(sample, Struct) else 0.0
    return float(value) if isinstance(value, float) else 0.0


def _sorted_by(label: str, samples: list[Struct]) -> list[Struct]:
    return sorted(samples, key=lambda one: str(_labels(one).get(label, "")))


# --- Go's own --------------------------------------------------------------------------------------------------------


def _kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "text"
        case int():
            return "int"
        case float():
            return "float"
        case _:
            raise TemplateError("invalid type for comparison")


def _equal(first: object, *others: object) -> bool:
    if not others:
        raise TemplateError("missing argument for comparison")
    for other in others:
        if _kind(first) != _kind(other):
            raise TemplateError("incompatible types for comparison")
        if first == other:
            return True
    return False


def _less(first: object, second: object) -> bool:
    if _kind(first) != _kind(second):
        raise TemplateError("incompatible types for comparison")
    if isinstance(first, bool):
        raise TemplateError("invalid type for comparison")
    if isinstance(first, str) and isinstance(second, str):
        return first.encode() < second.encode()
    return number(first) < number(second)


def _less_or_equal(first: object, second: object) -> bool:
    return _less(first, second) or _equal(first, second)


def _index(value: object, *keys: object) -> object:
    for key in keys:
        if isinstance(value, Mapping) and not isinstance(value, Struct):
            if not isinstance(key, str):
                raise TemplateError(f"value has type {type_name(key)}; should be string")
            value = value.get(key, "")
        elif isinstance(value, list | str):
            if not isinstance(key, int) or isinstance(key, bool):
                raise TemplateError(f"cannot index slice/array with type {type_name(key)}")
            if not 0 <= key < len(value):
                raise TemplateError(f"error calling index: reflect: slice index out of range: {key}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise TemplateError(f"can't index item of type {type_name(value)}")
    return value


def _slice(value: object, *bounds: int) -> object:
    if not isinstance(value, list | str):
        raise TemplateError(f"can't slice item of type {type_name(value)}")
    low, high = (*bounds, *(0, len(value))[len(bounds) :])[:2]
    if not 0 <= low <= high <= len(value):
        raise TemplateError(f"index out of range: {high}")
    return value[low:high]


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Struct) or not isinstance(value, Mapping | list):
        raise TemplateError(f"len of type {type_name(value)}")
    return len(value)


_PURE: dict[str, Function] = {
    "first": Function("v", _first),
    "label": Function("sa", lambda label, sample: _labels(sample).get(label, "")),
    "value": Function("a", _value),
    "strvalue": Function("a", lambda sample: _labels(sample).get("__value__", "")),
    "sortByLabel": Function("sv", _sorted_by),
    "args": Function("a*", lambda *values: {f"arg{index}": value for index, value in enumerate(values)}),
    "reReplaceAll": Function("sss", replace_all),
    "match": Function("ss", lambda pattern, text: _regex(f"(?-s:{pattern})").search(text) is not None),
    "safeHtml": Function("s", str),
    "title": Function("s", _title),
    "toUpper": Function("s", str.upper),
    "toLower": Function("s", str.lower),
    "graphLink": Function("s", _graph_link),
    "tableLink": Function("s", _table_link),
    "stripPort": Function("s", strip_port),
    "stripDomain": Function("s", strip_domain),
    "humanize": Function("a", humanize),
    "humanize1024": Function("a", humanize_1024),
    "humanizeDuration": Function("a", humanize_duration),
    "humanizePercentage": Function("a", humanize_percentage),
    "humanizeTimestamp": Function("a", humanize_timestamp),
    "toTime": Function("a", _to_time),
    "parseDuration": Function("s", _parse_duration),
    "urlQueryEscape": Function("s", quote_plus),
    "print": Function("a*", _printed),
    "println": Function("a*", lambda *values: " ".join(written(value) for value in values) + "\n"),
    "printf": Function("sa*", lambda text, *values: formatted(text, values)),
    "html": Function("a*", lambda *values: escaped(_printed(*values))),
    "js": Function("a*", _js),
    "urlquery": Function("a*", lambda *values: quote(_printed(*values), safe="-_.~").replace("%20", "+")),
    "len": Function("a", _length),
    "index": Function("aa*", _index),
    "slice": Function("ai*", _slice),
    "not": Function("a", lambda value: not is_true(value)),
    "eq": Function("aa*", _equal),
    "ne": Function("aa", lambda first, second: not _equal(first, second)),
    "lt": Function("aa", _less),
    "le": Function("aa", _less_or_equal),
    "gt": Function("aa", lambda first, second: not _less_or_equal(first, second)),
    "ge": Function("aa", lambda first, second: not _less(first, second)),
}

NAMES = frozenset((*_PURE, "query", "externalURL", "pathPrefix", "now", "and", "or", "tmpl"))
