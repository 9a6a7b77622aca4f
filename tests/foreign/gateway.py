# Drives the gateway with Debian's python3-grpcio. Usage: python3 gateway.py PORT CASE
# Messages are read and written as raw protobuf, so that nothing but grpcio is needed.
# Prints one JSON object with what it saw; the xunit test that started it judges.
import json
import sys

import grpc

port, name = sys.argv[1:]
VARINT, BYTES = 0, 2


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def fields(data):
    """All (number, value) of a message: ints and bytes; fixed-size values are skipped."""
    at, found = 0, []

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        if key & 7 == VARINT:
            found.append((key >> 3, number()))
        elif key & 7 == BYTES:
            size = number()
            found.append((key >> 3, data[at:at + size]))
            at += size
        else:
            at += {1: 8, 5: 4}[key & 7]
    return found


channel = grpc.insecure_channel(f'127.0.0.1:{port}')


def method(kind, path):
    return getattr(channel, kind)(path, request_serializer=bytes, response_deserializer=bytes)


def unary(path, request=b'', **options):
    try:
        response, call = method('unary_unary', path).with_call(request, timeout=60, **options)
        return {'code': call.code().value[0], 'fields': [[n, v.decode('latin-1') if isinstance(v, bytes) else v] for n, v in fields(response)]}
    except grpc.RpcError as error:
        return {'code': error.code().value[0], 'details': error.details(), 'trailers': [key for key, _ in error.trailing_metadata()]}


def stream(request, timeout=60, cancel_after=None, **options):
    call = method('unary_stream', '/quarot.v1.Inference/Generate')(request, timeout=timeout, **options)
    seen = {'messages': 0, 'text': ''}
    try:
        for message in call:
            seen['messages'] += 1
            seen['text'] += ''.join(v.decode() for n, v in fields(message) if n == 1)
            if seen['messages'] == cancel_after:
                call.cancel()
    except grpc.RpcError:
        pass
    return {**seen, 'code': call.code().value[0], 'details': call.details()}


SERVICE = '/quarot.v1.Inference/'
LONG = field(1, 'The Linux kernel is') + field(3, field(6, 1) + field(8, 2000))
SHORT = field(1, 'The Linux kernel is') + field(3, b'\x0d\x00\x00\x00\x00' + field(8, 12))

cases = {
    'unary': lambda: unary(SERVICE + 'GetModelInfo'),
    'stream': lambda: stream(SHORT),
    'gzip': lambda: stream(SHORT, compression=grpc.Compression.Gzip),
    'deadline': lambda: stream(LONG, timeout=0.3),
    'cancel': lambda: stream(LONG, cancel_after=3),
    'unknown': lambda: {'method': unary(SERVICE + 'Nothing'), 'service': unary('/quarot.v1.Nobody/Nothing')},
    'error': lambda: unary(SERVICE + 'GetSession', field(1, 'doesnotexist')),
    'malformed': lambda: unary(SERVICE + 'GetSession', b'\x0a\xff'),
    'oversized': lambda: unary(SERVICE + 'Tokenize', field(1, 'a' * (8 << 20))),
    'health': lambda: unary('/grpc.health.v1.Health/Check'),
}

print(json.dumps(cases[name]()))
