from google.protobuf.message import Message

class Status(Message):
    code: int
    message: str
