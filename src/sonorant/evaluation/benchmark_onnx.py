"""How many weights an ONNX graph holds, read without the onnx package, which speaking does not need."""

from collections.abc import Iterator
from math import prod

# Fields of onnx.proto: ModelProto.graph, GraphProto.initializer, TensorProto.dims and TensorProto.data_type.
_GRAPH, _INITIALIZER, _DIMS, _DATA_TYPE = 7, 5, 1, 2
_WEIGHT_TYPES = {1, 2, 3, 10, 11, 16}
"""float32, uint8, int8, float16, float64 and bfloat16; whole numbers of 32 and 64 bits are shapes and indices."""

# How protocol buffers write a value: https://protobuf.dev/programming-guides/encoding
_VARINT, _BYTES = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}

Value = int | memoryview


def count_weights(model: bytes) -> int:
    """Return how many numbers the weights of a serialised ONNX model are, the tables that export folds in included."""
    graphs = _messages(memoryview(model), _GRAPH)
    return sum(_size(tensor) for graph in graphs for tensor in _messages(graph, _INITIALIZER))


def _size(tensor: memoryview) -> int:
    fields = list(_fields(tensor))
    if not any(number == _DATA_TYPE and value in _WEIGHT_TYPES for number, value in fields):
        return 0
    return prod(dim for number, value in fields if number == _DIMS for dim in _varints(value))


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for number, value in _fields(message) if number == wanted and isinstance(value, memoryview))


def _varints(value: Value) -> list[int]:
    """Return the whole numbers of a repeated field, of which one part may be packed."""
    if isinstance(value, int):
        return [value]
    found, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        found.append(number)
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and the value of each field of a message; of fixed size ones the bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        size, position = _varint(message, position) if kind == _BYTES else (_FIXED_SIZES[kind], position)
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, lowest first, and return the position behind it.

    Example:
        >>> _varint(memoryview(bytes([0xAC, 0x02])), 0)
        (300, 2)
    """
    number = shift = 0
    while True:
        byte = message[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position
