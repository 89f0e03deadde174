"""Why a document was not taken, as its item in the answer to a bulk says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PARSING = "document_parsing_exception"
ARGUMENT = "illegal_argument_exception"
REJECTED = "es_rejected_execution_exception"
CONFLICT = "version_conflict_engine_exception"


@dataclass(frozen=True, slots=True)
class ItemRefusal:
    """Status and cause of one item. `counted` is the reason that the own numbers know ('': it is not counted)."""

    status: int
    kind: str
    reason: str
    counted: str = ""


UPDATE = ItemRefusal(400, ARGUMENT, "log records are never changed: only index and create are taken", "operation")
DELETE = ItemRefusal(
    400, ARGUMENT, "log records are never deleted by a bulk: only index and create are taken", "operation"
)
EXISTS = ItemRefusal(409, CONFLICT, "a document with this id is here already")
COMING = ItemRefusal(429, REJECTED, "a document with this id is being stored by another request")
FULL = ItemRefusal(429, REJECTED, "there is no room for more now: send it again", "full")


def pipeline_refusal(name: str) -> ItemRefusal:
    """Pipelines are Elasticsearch's own."""
    return ItemRefusal(
        400, ARGUMENT, f"pipeline with id [{name[:100]}] does not exist: trimtab runs no ingest pipelines", "pipeline"
    )


def by_code(days: int) -> Mapping[int, ItemRefusal]:
    """The refusal for each code of the kernels. `days` is how long logs are kept."""
    from trimtab.observe.elasticsearch import document_kernels as kernels
    from trimtab.observe.elasticsearch import walk_kernels as walk
    from trimtab.observe.elasticsearch.json_kernels import DEPTH_MAX

    def parsing(reason: str, counted: str = "document_broken") -> ItemRefusal:
        return ItemRefusal(400, PARSING, f"failed to parse: {reason}", counted)

    return {
        walk.BAD_JSON: parsing("the document is not JSON"),
        walk.NO_OBJECT: parsing("a document is an object of JSON"),
        walk.NO_UTF8: parsing("the document is not UTF-8"),
        walk.TOO_DEEP: parsing(f"objects may stand inside each other {DEPTH_MAX} deep"),
        walk.TOO_MANY_FIELDS: parsing(f"Limit of total fields [{walk.FIELDS_MAX}] has been exceeded"),
        walk.NAME_TOO_LONG: parsing(
            f"the name of a field may have {walk.NAME_BYTES_MAX - 1} bytes, with all before it"
        ),
        kernels.BAD_DATE: parsing(
            "field [@timestamp] of type [date] is neither a date of ISO 8601 nor milliseconds since 1970", "bad_date"
        ),
        kernels.TOO_OLD: ItemRefusal(
            400, ARGUMENT, f"[@timestamp] is older than logs are kept ([retention] logs_days: {days})", "too_old"
        ),
        kernels.TOO_NEW: ItemRefusal(400, ARGUMENT, "[@timestamp] is more than a day in the future", "too_new"),
        kernels.TOO_LONG: ItemRefusal(400, ARGUMENT, "the document is too long to be stored", "document_too_long"),
    }
