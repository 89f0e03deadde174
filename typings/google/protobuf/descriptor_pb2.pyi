from google.protobuf.message import Message

class _Enum:
    def Value(self, name: str) -> int: ...

class _Fields:
    def append(self, value: FieldDescriptorProto) -> None: ...

class _Oneofs:
    def add(self, *, name: str) -> object: ...
    def __len__(self) -> int: ...

class _Messages:
    def append(self, value: DescriptorProto) -> None: ...

class FieldDescriptorProto(Message):
    LABEL_REPEATED: int
    LABEL_OPTIONAL: int
    TYPE_MESSAGE: int
    Type: _Enum
    label: int
    type: int
    type_name: str
    proto3_optional: bool
    oneof_index: int

class DescriptorProto(Message):
    field: _Fields
    oneof_decl: _Oneofs

class FileDescriptorProto(Message):
    message_type: _Messages
