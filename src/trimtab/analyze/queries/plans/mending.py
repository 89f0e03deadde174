"""What would mend a finding, as SQL where SQL does it: indexes from conditions, statistics, memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trimtab.analyze.queries.plans.catalogue import TableFacts
from trimtab.analyze.queries.plans.conditions import EQUALITIES, RANGES, Compared, columns_in, comparisons
from trimtab.analyze.queries.plans.document import text
from trimtab.analyze.queries.plans.hint import Mend, MendKind
from trimtab.analyze.queries.plans.rule import Look, memory_text, setting_text
from trimtab.analyze.queries.plans.steps import Step
from trimtab.model.errors import StatementRefused
from trimtab.sql.identifiers import IDENTIFIER_BYTES_MAX, quoted, shortened

KEYS_MAX = 4
STATISTICS_MAX = 8
"""So many columns and expressions can statistics be on."""
_ONE_OF = ("= ANY",)
_PATTERNS = ("~~", "~~*", "~", "~*")
_CONTAINS = ("@>", "<@", "?", "?|", "?&", "&&", "@@", "@?")
_DATES = ("date",)
_IMMUTABLE = ("lower", "upper", "md5", "btrim", "ltrim", "rtrim", "length", "abs")
LIKE_TEXT_TYPES = ("character varying", "varchar", "character", "bpchar", "name", "text", "char")
"""Types whose index serves a comparison as text."""


def conditions_of(step: Step, *keys: str) -> tuple[Compared, ...]:
    """What a step compares in these conditions."""
    return tuple(one for key in keys for one in comparisons(text(step.raw, key) or ""))


def own(step: Step, found: Iterable[Compared]) -> list[Compared]:
    """Comparisons whose column is of the step's own relation."""
    names = (None, text(step.raw, "Alias"), text(step.raw, "Relation Name"))
    return [one for one in found if one.table in names and one.column is not None]


def index_mends(look: Look, step: Step, found: Sequence[Compared], *, order: Sequence[str] = ()) -> list[Mend]:
    """An index that finds the rows of these comparisons: equalities first, then the order, or one range."""
    relation = look.relation_sql(step)
    if relation is None:
        return []
    mends: list[Mend] = []
    served = [one for one in found if is_column(look, step, one)]
    equal = [one for one in served if one.operator in (*EQUALITIES, *_ONE_OF)]
    ranged = [one for one in served if one.operator in RANGES]
    keys = list(dict.fromkeys(_column(one) for one in equal))
    if keys:
        keys += [f"({one.own_side})" for one in found if one.operator in EQUALITIES and _is_steady(one)]
    if order:
        keys += [key for key in order if key not in keys]
    elif ranged and _column(ranged[0]) not in keys:
        keys.append(_column(ranged[0]))
    facts = look.table(step)
    there = facts.index_on([key.partition(" ")[0] for key in keys[:KEYS_MAX]]) if facts is not None and keys else None
    if facts is not None and there is not None:
        mends.append(Mend(MendKind.ANALYZE, _why_not_taken(step, there, facts, found), f"ANALYZE {relation}"))
    elif keys:
        sql = f"CREATE INDEX CONCURRENTLY ON {relation} ({', '.join(keys[:KEYS_MAX])})"
        why = "an index that finds these rows" + (" in this order" if order else "")
        if any(key.startswith("(") for key in keys[:KEYS_MAX]):
            why += ", with what is made of a column, too: ANALYZE the table once it is there"
        mends.append(Mend(MendKind.INDEX, f"{why} (trimtab advise prices it, with what it costs writes)", sql))
    elif special := special_index_mends(relation, served):
        mends = special
    elif len(found) == 1 and found[0].operator in ("IS NULL", "NOT", "IS TRUE") and found[0].is_bare:
        # of several conditions nobody knows which one few rows fulfil
        sql = f"CREATE INDEX CONCURRENTLY ON {relation} ({_column(found[0])}) WHERE {flag_words(found[0])}"
        mends.append(Mend(MendKind.INDEX, "a partial index, where few rows are so", sql))
    return mends


def _why_not_taken(step: Step, index: str, facts: TableFacts, found: Sequence[Compared]) -> str:
    """Of an index that has the columns that an index could begin with."""
    missing = sorted({one.column for one in found if one.column is not None} - set(facts.indexes[index]))
    if missing:
        taken = "is the one that was taken" if text(step.raw, "Index Name") == index else "was not taken"
        return f"index {index} {taken}: it has nothing of {', '.join(missing)}, on which the condition is, too"
    why = "the planner expects too many rows, or a cast, a collation or an operator keeps it away"
    return f"index {index} has these columns already and was not taken: {why}"


def is_made(one: Compared) -> bool:
    """Whether it compares what is made of a column, of which an index or statistics can be made."""
    return not one.is_bare and not one.has_unknown and (one.function is not None or one.cast in (None, *_DATES))


def _is_steady(one: Compared) -> bool:
    """Whether what is made of a column surely is immutable, as an index wants it: not so what is made of a time."""
    return is_made(one) and one.function in _IMMUTABLE


def is_column(look: Look, step: Step, one: Compared) -> bool:
    """Whether a comparison is with the column itself, as far as is known."""
    if one.is_bare or not one.is_like_text:
        return one.is_bare
    facts = look.table(step)
    type_ = facts.column_types.get(one.column or "") if facts is not None else None
    return type_ is None or type_.startswith(LIKE_TEXT_TYPES)


def special_index_mends(relation: str, found: Sequence[Compared]) -> list[Mend]:
    """Indexes of other kinds for patterns and containment."""
    for one in found:
        if one.operator in _PATTERNS:
            sql = f"CREATE INDEX CONCURRENTLY ON {relation} USING gin ({_column(one)} gin_trgm_ops)"
            return [Mend(MendKind.INDEX, "a trigram index (extension pg_trgm): patterns may begin with %", sql)]
        if one.operator in _CONTAINS:
            sql = f"CREATE INDEX CONCURRENTLY ON {relation} USING gin ({_column(one)})"
            return [Mend(MendKind.INDEX, "a GIN index: it finds what contains something", sql)]
    return []


def expression_mends(look: Look, step: Step, one: Compared) -> list[Mend]:
    """For a condition on what is made of a column."""
    relation = look.relation_sql(step)
    mends: list[Mend] = []
    is_date = one.cast in _DATES or one.function in ("date", "date_trunc", "date_part", "extract")
    if is_date:
        mends.append(
            Mend(
                MendKind.REWRITE,
                f"compare the column itself with a range, {one.column} >= … AND {one.column} < …:"
                " an index on it serves that",
            )
        )
    if one.has_unknown:
        words = (
            f"no index can hold {one.own_side}: its value is not known when the index is built. Compare {one.column}"
            " itself with a value that was reckoned before, or write the value into the statement, where it is always"
            " the same, for an index on the expression"
        )
        mends.append(Mend(MendKind.REWRITE, words.replace("'?'", "?")))
    elif relation is not None:
        words = "an index on the expression (it must be immutable); ANALYZE the table once it is there"
        mends.append(Mend(MendKind.INDEX, words, f"CREATE INDEX CONCURRENTLY ON {relation} (({one.own_side}))"))
    return mends


def statistics_mends(
    look: Look, step: Step, columns: Sequence[str], made: Sequence[Compared] = (), *, kinds: str = ""
) -> list[Mend]:
    """ANALYZE, and what the planner does not know of columns together, and of what is `made` of them."""
    relation = look.relation_sql(step)
    if relation is None:
        return []
    mends = [Mend(MendKind.ANALYZE, "fresh statistics", f"ANALYZE {relation}")]
    names = list(dict.fromkeys(columns))
    expressions = list(dict.fromkeys(f"({one.own_side})" for one in made))
    on = [*(_quoted(name) for name in names), *expressions][:STATISTICS_MAX]
    if len(on) < 2 and not expressions:
        return mends
    words = "what these columns are together; then ANALYZE"
    if expressions:
        words = "what the expression gives"
        words += f"{', also together with the columns' if names else ''} (from version 14 on); then ANALYZE"
    parts = [*names, *(one.column or "" for one in made)][:STATISTICS_MAX]
    mends.append(Mend(MendKind.STATISTICS, words, statistics_sql(step, parts, on, relation, kinds)))
    return mends


def statistics_sql(step: Step, names: Sequence[str], on: Sequence[str], relation: str, kinds: str = "") -> str:
    """CREATE STATISTICS; until version 15 it must have a name."""
    words = "_".join((text(step.raw, "Relation Name") or "t", *names, "together" if len(on) > 1 else "given"))
    schema = f"{relation.rpartition('.')[0]}." if "." in relation else ""
    name = _quoted(shortened(re.sub(r"\W+", "_", words), IDENTIFIER_BYTES_MAX))
    return f"CREATE STATISTICS {schema}{name} {kinds}ON {', '.join(on)} FROM {relation}"


def columns_of(step: Step) -> list[str]:
    """The columns of a step's own conditions, without those of which only something made of them is compared."""
    keys = ("Index Cond", "Recheck Cond", "Filter")
    compared = conditions_of(step, *keys)
    bare = {one.column for one in compared if one.is_bare or one.is_like_text}
    hidden = {one.column for one in compared} - bare
    found = [name for key in keys for name in columns_in(text(step.raw, key) or "") if name not in hidden]
    return list(dict.fromkeys(found))


def work_mem_mend(look: Look, kib: float, *, is_hash: bool = False) -> Mend:
    """Memory that would have been enough. A hash may take `hash_mem_multiplier` times of work_mem."""
    factor = (look.hash_memory_factor or 1.0) if is_hash else 1.0
    needed, set_kib = kib / factor, look.work_mem_kib
    words = f"it would have needed about {memory_text(kib)}; "
    if set_kib is None:
        words += "work_mem is not known"
    else:
        words += f"work_mem is {memory_text(set_kib)}"
    if is_hash and factor != 1.0:
        words += f", of which a hash may take {factor:g} times"
    if set_kib is not None and needed <= set_kib:
        words += ". That was not enough all the same, so that twice as much is the next to try"
        needed = 2 * set_kib
    return Mend(
        MendKind.WORK_MEM, words + ": for this statement or its role alone", f"SET work_mem = '{setting_text(needed)}'"
    )


def flag_words(one: Compared) -> str:
    """A condition on a flag, as SQL."""
    column = _column(one)
    return {"NOT": f"NOT {column}", "IS TRUE": column}.get(one.operator, f"{column} {one.operator}")


def _column(one: Compared) -> str:
    return _quoted(one.column or "")


def _quoted(name: str) -> str:
    try:
        return quoted(name)
    except StatementRefused:
        return name
