"""Where a long name may be broken over lines: between its labels or its words, not inside one of them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

SHORT_CHARS = 20
_AFTER_LABEL = re.compile(r'(?<=",)(?=.)|(?<=\})(?=.)')
_AFTER_WORD = re.compile(r"(?<=[_/.:,])(?=[^\s_/.:,])|(?<=[a-z0-9])(?=[A-Z])")


def breakable(name: str) -> Markup:
    """A name with the places where a line may end. A short word has none: it stands on one line.

    >>> print(breakable('{cpu="0",mode="idle",x="1"}'))
    {cpu=&#34;0&#34;,<wbr>mode=&#34;idle&#34;,<wbr>x=&#34;1&#34;}
    >>> print(breakable("PipelineSuccessRateOutOfBounds"))
    Pipeline<wbr>Success<wbr>Rate<wbr>Out<wbr>Of<wbr>Bounds
    >>> print(breakable("node_memory_<b>_bytes"), breakable("HostCpuBusy"))
    node_<wbr>memory_<wbr>&lt;b&gt;_<wbr>bytes HostCpuBusy
    """
    if '",' in name:
        return Markup("<wbr>").join(_AFTER_LABEL.split(name))
    return escape(name) if len(name) <= SHORT_CHARS else Markup("<wbr>").join(_AFTER_WORD.split(name))
