"""Times between frames while something moves."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from playwright.sync_api import Page

_RECORD = """
() => {
  window.ttFrames = [];
  const look = (at) => {
    ttFrames.push(at);
    if (ttFrames) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""
_SCROLL = """
([selector, seconds]) => new Promise((done) => {
  const box = document.querySelector(selector);
  const all = box.scrollHeight - box.clientHeight;
  const frames = [];
  let begun = 0;
  const step = (at) => {
    begun ||= at;
    frames.push(at);
    const share = Math.min((at - begun) / (seconds * 1000), 1);
    box.scrollTop = share * all;
    if (share < 1) requestAnimationFrame(step);
    else done(frames);
  };
  requestAnimationFrame(step);
})
"""


def record_frames(page: Page) -> None:
    """Begin to note every frame."""
    page.evaluate(_RECORD)


def recorded_ms(page: Page) -> list[float]:
    """Times between the frames since then, in ms."""
    frames = cast("list[float]", page.evaluate("() => { const seen = ttFrames; ttFrames = null; return seen; }"))
    return [later - earlier for earlier, later in pairwise(frames)]


def scrolled_ms(page: Page, selector: str, seconds: float) -> list[float]:
    """Times between frames while an element is scrolled from its top to its end, a bit in each frame."""
    frames = cast("list[float]", page.evaluate(_SCROLL, [selector, seconds]))
    return [later - earlier for earlier, later in pairwise(frames)]
