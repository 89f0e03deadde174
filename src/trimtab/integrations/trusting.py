"""Whom https:// of another store is believed from: the usual authorities, and those of a file."""

from __future__ import annotations

import ssl

from trimtab.extend.sources import Address
from trimtab.model.errors import MissingError


def context_of(address: Address) -> ssl.SSLContext | None:
    """None where there is nothing but the usual; MissingError where the file cannot be read."""
    if not address.ca_file or not address.url.startswith("https://"):
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=address.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise MissingError(
            f"source {address.name}: the authorities in {address.ca_file} could not be read: {error}",
            file=address.ca_file,
        ) from error
    return context
