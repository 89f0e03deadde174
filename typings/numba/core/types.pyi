from collections.abc import Callable, Sequence
from typing import Protocol

from llvmlite import ir

class Signature(Protocol):
    args: Sequence[object]

class ArrayStruct(Protocol):
    data: ir.Value

class Context(Protocol):
    def make_array(self, array_type: object) -> Callable[[Context, ir.IRBuilder, ir.Value], ArrayStruct]: ...
    def get_dummy_value(self) -> ir.Value: ...

def uint64(*arguments: object) -> Signature: ...
def void(*arguments: object) -> Signature: ...

int64: object
