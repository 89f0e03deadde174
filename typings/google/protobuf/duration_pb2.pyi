from google.protobuf.message import Message

class Duration(Message):
    seconds: int
