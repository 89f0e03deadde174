"""How severe a record is: OTLP's numbers, and for senders that say it in words, their words."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from trimtab.store.logs.answers import LEVELS

_WORDS = {
    "trace": "trace trc finest finer verbose silly t",
    "debug": "debug dbg fine d",
    "info": "info information informational inf notice log i",
    "warn": "warn warning wrn w",
    "error": "error err eror severe e",
    "fatal": "fatal ftl critical crit panic alert emergency emerg f",
}
_BY_WORD = {word: level for level, words in _WORDS.items() for word in words.split()}
_WORD = re.compile(r"[a-z]+")


def level_of_text(text: str) -> str:
    """The level that a text means; `unknown` where it is none that we know.

    >>> level_of_text("WARNING"), level_of_text("[Error]"), level_of_text("INFO2"), level_of_text("loud")
    ('warn', 'error', 'info', 'unknown')
    """
    found = _WORD.search(text.lower())
    return _BY_WORD.get(found[0], LEVELS[0]) if found else LEVELS[0]


def levels_of(numbers: NDArray[np.int64], text_numbers: NDArray[np.int64], texts: list[str]) -> NDArray[np.uint8]:
    """The level of each record as its place in LEVELS: by its number (1 to 24), else by its text."""
    by_text = np.array([LEVELS.index(level_of_text(text)) for text in texts], np.int64)
    known = (numbers >= 1) & (numbers <= 24)
    return np.where(known, (numbers + 3) // 4, by_text[text_numbers]).astype(np.uint8)
