# Protobuf by hand: messages as lists of (field number, value).
import struct

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    """One field: an int, a float (of 32 bits), a text, or bytes (a message)."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | FIXED32) + struct.pack('<f', value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def fields(data):
    """All (number, value) of a message: ints, floats and bytes."""
    at, found = 0, []
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind == BYTES:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size, form = {FIXED64: (8, '<d'), FIXED32: (4, '<f')}[kind]
            (value,), at = struct.unpack(form, data[at:at + size]), at + size
        found.append((key >> 3, value))
    return found


def values(data, number):
    return [v for n, v in fields(data) if n == number]


def packed(data):
    """The ints of a packed field."""
    at, found = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
