"""Reads a submitted form: bounded, one value a name; with files only where a page takes some."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from trimtab.app.form_parts import MEDIA, parts_of
from trimtab.model.errors import InputError

FORM_BYTES_MAX = 64_000
FIELDS_MAX = 100


async def read_form(request: Request, bytes_max: int = FORM_BYTES_MAX, *, takes_files: bool = False) -> dict[str, str]:
    """The fields of a form. A name that comes twice, or a body that is no form, is an InputError.

    A file is a field, too; bytes of it that are no UTF-8 are escaped (`surrogateescape`).
    """
    content_type = request.headers.get("content-type", "")
    media = content_type.split(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded" and not (takes_files and media == MEDIA):
        raise InputError(f"a form is expected, found {media[:50] or 'nothing'!r}", field="content-type")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > bytes_max:
            raise InputError(f"the form is over {bytes_max} bytes", limit=bytes_max)
    if media == MEDIA:
        return {
            name: value.decode(errors="surrogateescape") for name, value in parts_of(content_type, bytes(data)).items()
        }
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, strict_parsing=bool(data), max_num_fields=FIELDS_MAX)
    except ValueError:
        raise InputError("the form could not be read", field="body") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InputError("a field of the form came twice", field="body")
    return fields
