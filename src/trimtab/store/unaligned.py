"""Machine instructions that Numba has no word for: eight bytes of an array, wherever they stand, as a number, and back.

For kernels that read what is on the wire. Put together byte by byte it costs three times as much, by a view of a slice
ten times. The machine must have its least significant byte first, as all have that the engine runs on. Like a kernel it
is not checked: whoever calls it has compared `at + 8` with the length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numba  # noqa: F401 - as a whole first: parts of it cannot be imported while another thread imports the rest
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@intrinsic
def _word(_context: object, body: object, _at: object) -> object:
    """The types of the call, and what makes its code."""

    def code(
        context: types.Context, builder: ir.IRBuilder, signature: types.Signature, arguments: list[ir.Value]
    ) -> object:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(body, types.int64), code


word = cast("Callable[[NDArray[np.uint8], np.int64], np.uint64]", _word)
"""`word(body, at)` in a kernel: the bytes `body[at : at + 8]`."""


@intrinsic
def _set_word(_context: object, out: object, _at: object, _value: object) -> object:
    """The types of the call, and what makes its code."""

    def code(
        context: types.Context, builder: ir.IRBuilder, signature: types.Signature, arguments: list[ir.Value]
    ) -> object:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(out, types.int64, types.uint64), code


set_word = cast("Callable[[NDArray[np.uint8], np.int64, np.uint64], None]", _set_word)
"""`set_word(out, at, value)` in a kernel: these become the bytes `out[at : at + 8]`."""
