from collections.abc import Callable, Mapping
from typing import IO

from pyarrow import DataType, Table

class InvalidRow:
    @property
    def number(self) -> int: ...
    @property
    def actual_columns(self) -> int: ...
    @property
    def expected_columns(self) -> int: ...
    @property
    def text(self) -> str: ...

class ReadOptions:
    def __init__(self, *, use_threads: bool = ..., block_size: int | None = ...) -> None: ...

class ParseOptions:
    def __init__(
        self,
        delimiter: str = ...,
        *,
        newlines_in_values: bool = ...,
        invalid_row_handler: Callable[[InvalidRow], str] | None = ...,
    ) -> None: ...

class ConvertOptions:
    def __init__(self, *, column_types: Mapping[str, DataType] = ..., strings_can_be_null: bool = ...) -> None: ...

class WriteOptions:
    def __init__(self, *, include_header: bool = ..., delimiter: str = ..., quoting_style: str = ...) -> None: ...

def read_csv(
    input_file: IO[bytes],
    read_options: ReadOptions | None = ...,
    parse_options: ParseOptions | None = ...,
    convert_options: ConvertOptions | None = ...,
) -> Table: ...
def write_csv(data: Table, output_file: IO[bytes] | str, write_options: WriteOptions | None = ...) -> None: ...
