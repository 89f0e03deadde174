from collections.abc import Iterator
from typing import Any

from yaml import reader as reader

class YAMLError(Exception): ...

class Mark:
    line: int
    column: int

class MarkedYAMLError(YAMLError):
    context: str | None
    context_mark: Mark | None
    problem: str | None
    problem_mark: Mark | None

class Node:
    tag: str
    value: Any
    start_mark: Mark
    end_mark: Mark

class ScalarNode(Node):
    value: str
    style: str | None

class CollectionNode(Node): ...

class SequenceNode(CollectionNode):
    value: list[Node]

class MappingNode(CollectionNode):
    value: list[tuple[Node, Node]]

class SafeLoader:
    def __init__(self, stream: str) -> None: ...
    def check_node(self) -> bool: ...
    def get_node(self) -> Node: ...
    def dispose(self) -> None: ...
    def construct_object(self, node: Node, deep: bool = ...) -> object: ...
    def flatten_mapping(self, node: MappingNode) -> None: ...

class CSafeLoader(SafeLoader): ...

def safe_load(stream: str) -> object: ...
def compose_all(stream: str, Loader: type[SafeLoader] = ...) -> Iterator[Node | None]: ...
def safe_load_all(stream: str) -> Iterator[Any]: ...
def safe_dump(data: object, *, sort_keys: bool = ..., allow_unicode: bool = ..., width: int = ...) -> str: ...
