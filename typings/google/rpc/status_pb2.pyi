from collections.abc import Sequence

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

class Status(Message):
    code: int
    message: str
    details: Sequence[Any]
