from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

class RetryInfo(Message):
    retry_delay: Duration
