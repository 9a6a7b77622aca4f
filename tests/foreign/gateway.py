# Drives the gateway with Debian's python3-grpcio. Usage: python3 gateway.py PORT CASE [ARGUMENT...]
# Messages are read and written as raw protobuf. The last line printed is one JSON object with what was seen;
# the xunit test that started it judges. gateway.mjs plays the same cases and prints the same objects.
import json
import queue
import sys
import threading

import grpc

from wire import field, fields, packed, values

port, name, *arguments = sys.argv[1:]
INFERENCE, HEALTH, LOADS = '/quarot.v1.Inference/', '/grpc.health.v1.Health/', '/vllm.grpc.engine.VllmEngine/GetLoads'
WAIT = 60


def connect(options=(), credentials=None):
    target = f'127.0.0.1:{port}'
    return grpc.secure_channel(target, credentials, options) if credentials else grpc.insecure_channel(target, options)


channel = connect()


def method(kind, path, on):
    return getattr(on or channel, kind)(path, request_serializer=bytes, response_deserializer=bytes)


def outcome(call):
    trailers = {key: value for key, value in call.trailing_metadata() or () if not key.endswith('-bin')}
    return {'code': call.code().value[0], 'details': call.details(), 'trailers': trailers}


def unary(path, request=b'', on=None, **options):
    """The outcome, with the response's bytes."""
    try:
        response, call = method('unary_unary', path, on).with_call(request, timeout=WAIT, **options)
        return {**outcome(call), 'headers': dict(call.initial_metadata())}, response
    except grpc.RpcError as error:
        return outcome(error), b''


def said(result):
    return result[0]


def drained(call):
    """The outcome of a stream, read to its end."""
    try:
        return {'messages': len([*call]), **outcome(call)}
    except grpc.RpcError:
        return outcome(call)


def server_stream(path, request, on=None, timeout=WAIT, **options):
    return method('unary_stream', path, on)(request, timeout=timeout, **options)


class Answer:
    """What has come of a stream of GenerateResponse."""

    def __init__(self):
        self.text, self.ids, self.messages, self.finish, self.completion, self.turn = '', [], 0, 0, None, None

    def add(self, message):
        self.messages += 1
        for number, value in fields(message):
            if number == 1:
                self.text += value.decode()
            elif number == 2:
                self.ids += packed(value)
            elif number == 5:
                self.finish = value
            elif number == 6:
                self.completion = sum(values(value, 2))
            elif number == 7:
                self.turn = sum(values(value, 4))

    def read(self, call, cancel_after=None):
        """Reads the call to its end and gives all that was seen."""
        try:
            for message in call:
                self.add(message)
                if cancel_after and len(self.ids) >= cancel_after:
                    call.cancel()
        except grpc.RpcError:
            pass
        return {**vars(self), **outcome(call)}


def sampling(tokens, temperature=3.0, seed=1, logprobs=None):
    """A temperature of 3 is so hot that the end token does not come up: a long answer is long."""
    return field(1, temperature) + field(6, seed) + field(8, tokens) + (field(9, logprobs) if logprobs else b'')


def generate(prompt='The Linux kernel is', tokens=2000, on=None, timeout=WAIT, cancel_after=None, metadata=None, compression=None, **how):
    request = field(1, prompt) + field(3, sampling(tokens, **how))
    return Answer().read(server_stream(INFERENCE + 'Generate', request, on, timeout, metadata=metadata, compression=compression), cancel_after)


def chat(session, tokens, timeout=WAIT, cancel_after=None, **how):
    message = field(1, 'user') + field(2, 'Define "brave".')
    request = field(1, session) + field(2, message) + field(3, sampling(tokens, **how))
    return Answer().read(server_stream(INFERENCE + 'Chat', request, timeout=timeout), cancel_after)


def create_session(**options):
    return values(unary(INFERENCE + 'CreateSession', **options)[1], 1)[0]


def transcript(session):
    return [values(m, 2)[0].decode() for m in values(unary(INFERENCE + 'GetSession', field(1, session))[1], 2)]


def check(service, **options):
    result, response = unary(HEALTH + 'Check', field(1, service), **options)
    return {**result, 'status': sum(values(response, 1))}


def tokenize(text, **options):
    result, response = unary(INFERENCE + 'Tokenize', field(1, text), **options)
    return {**result, 'ids': [i for v in values(response, 1) for i in packed(v)]}


def mark(text):
    print(text, flush=True)


def case_unary():
    result, response = unary(INFERENCE + 'GetModelInfo')
    return {**result, 'name': values(response, 1)[0].decode(), 'shards': len(values(response, 13)), 'tokens': tokenize('Hello, world!')['ids']}


def case_chat():
    session = create_session()
    return {'first': chat(session, 256, temperature=0.0), 'transcript': transcript(session)}


def case_reflection():
    """Both names of the service; each question is asked when the one before is answered."""
    def ask(version, *questions):
        asked = queue.Queue()
        call = method('stream_stream', f'/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo', None)(iter(asked.get, None), timeout=WAIT)
        answers = []
        for question in questions:
            asked.put(question)
            answers.append(next(call))
        asked.put(None)
        return answers, [*call], call.code().value[0]

    seen = {}
    for version in ('v1', 'v1alpha'):
        (services, nothing, symbol), more, code = ask(version, field(7, ''), field(4, 'no.such.Symbol'), field(4, 'quarot.v1.Inference'))
        error = values(nothing, 7)[0]
        files = values(values(symbol, 4)[0], 1)
        seen[version] = {
            'services': [values(s, 1)[0].decode() for s in values(values(services, 6)[0], 1)],
            'error': [values(error, 1)[0], values(error, 2)[0].decode()],
            'files': [values(f, 1)[0].decode() for f in files], 'more': len(more), 'code': code,
        }
    return {**seen, 'called': call_by_descriptors(files)}


def call_by_descriptors(files):
    """What a tool without the proto does: makes the messages from the files that reflection gave, and calls."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    pool = descriptor_pool.DescriptorPool()
    for file in reversed(files):
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file))
    service = pool.FindServiceByName('quarot.v1.Inference')
    tokenizer = service.FindMethodByName('Tokenize')
    request, response = (message_factory.MessageFactory(pool).GetPrototype(t) for t in (tokenizer.input_type, tokenizer.output_type))
    call = channel.unary_unary(
        f'/{service.full_name}/{tokenizer.name}', request_serializer=request.SerializeToString, response_deserializer=response.FromString)
    return [*call(request(text='Hello, world!'), timeout=WAIT).token_ids]


def case_deadline():
    session = create_session()
    return {'late': chat(session, 2000, timeout=0.5), 'next': chat(session, 8, temperature=0.0)}


def case_server_deadline():
    # No timer here: the header alone tells the server.
    return generate(timeout=None, metadata=[('grpc-timeout', '300m')])


def case_cancel():
    session = create_session()
    return {'cancelled': chat(session, 2000, cancel_after=3), 'next': chat(session, 8, temperature=0.0), 'transcript': transcript(session)}


def case_metadata():
    sent = [('x-note', 'one'), ('x-note', 'two'), ('x-blob-bin', bytes(range(256)))]
    return {'answered': tokenize('Hello, world!', metadata=sent), 'refused': said(unary(HEALTH + 'Check', field(1, 'größer 50% – 大'), metadata=sent))}


def case_full():
    """More long answers than may wait. The first refusal is all that matters."""
    ended = queue.Queue()
    request = field(1, 'The Linux kernel is') + field(3, sampling(2000))
    calls = [server_stream(INFERENCE + 'Generate', request) for _ in range(int(arguments[0]))]
    for call in calls:
        threading.Thread(target=lambda call=call: ended.put(Answer().read(call))).start()
    refusal = ended.get(timeout=WAIT)
    for call in calls:
        call.cancel()
    while values(unary(LOADS)[1], 4)[0]:
        pass  # until all that was running has ended
    return refusal


def case_unknown():
    return {'method': said(unary(INFERENCE + 'Nothing')), 'service': said(unary('/quarot.v1.Nobody/Nothing'))}


def case_errors():
    return {
        'session': said(unary(INFERENCE + 'GetSession', field(1, 'doesnotexist'))),
        'stream': Answer().read(server_stream(INFERENCE + 'Generate', field(1, 'Hi') + field(3, field(3, 2.0)))),
        'malformed': said(unary(INFERENCE + 'GetSession', b'\x0a\xff')),
        'oversized': said(unary(INFERENCE + 'Tokenize', field(1, 'a' * (8 << 20)))),
    }


def case_gzip():
    zipped = connect([('grpc.default_compression_algorithm', 2)])
    words = 'llama ' * 2000
    return {
        'plain': tokenize(words)['ids'], 'zipped': tokenize(words, on=zipped)['ids'],
        'plain_stream': generate(tokens=12)['text'], 'zipped_stream': generate(tokens=12, on=zipped)['text'],
        'bomb': said(unary(INFERENCE + 'Tokenize', field(1, 'a' * (8 << 20)), on=zipped)),
    }


def case_concurrent():
    prompts = [f'The number {i} is' for i in range(5)]
    alone = [generate(p, 8)['text'] for p in prompts]
    calls = [server_stream(INFERENCE + 'Generate', field(1, p) + field(3, sampling(8))) for p in prompts * 20]
    together = [Answer().read(call) for call in calls]
    return {'alone': alone, 'together': [a['text'] for a in together], 'codes': sorted({a['code'] for a in together})}


def case_slow():
    """Does not read until the server has stood still for a while, counted in answers to another call on this connection."""
    # Without it the library widens the window to what the connection could carry, which holds the whole answer.
    narrow = connect([('grpc.http2.bdp_probe', 0)])
    request = field(1, 'The Linux kernel is') + field(3, sampling(2000, logprobs=20))
    call, answer = server_stream(INFERENCE + 'Generate', request, narrow), Answer()
    answer.add(next(call))
    usage, unchanged = -1.0, 0
    while unchanged < 300:
        before, usage = usage, sum(values(values(unary(LOADS, on=narrow)[1], 4)[0], 7))
        unchanged = unchanged + 1 if usage == before else 0
    return {'stalled': usage, **answer.read(call)}


def case_keepalive():
    """An idle stream, pinged until the test has seen enough answers."""
    pinged = connect([
        ('grpc.keepalive_time_ms', 100), ('grpc.keepalive_timeout_ms', 20000),
        ('grpc.http2.max_pings_without_data', 0), ('grpc.http2.min_time_between_pings_ms', 100)])
    watch = server_stream(HEALTH + 'Watch', b'', pinged)
    statuses = [sum(values(next(watch), 1))]
    mark('idle')
    sys.stdin.readline()
    seen = {'statuses': statuses, 'alive': watch.is_active(), 'answered': tokenize('Hello, world!', on=pinged)}
    watch.cancel()
    return seen


def case_health():
    watch, unknown = server_stream(HEALTH + 'Watch', b''), server_stream(HEALTH + 'Watch', field(1, 'no.such.Service'))
    seen = {
        'whole': check(''), 'service': check('quarot.v1.Inference'), 'unknown': check('no.such.Service'),
        'watched': sum(values(next(watch), 1)), 'watched_unknown': sum(values(next(unknown), 1)),
    }
    watch.cancel()
    unknown.cancel()
    return seen


def case_shutdown():
    request = field(1, 'The Linux kernel is') + field(3, sampling(2000, logprobs=20))
    call, watch, answer = server_stream(INFERENCE + 'Generate', request), server_stream(HEALTH + 'Watch', b''), Answer()
    answer.add(next(call))
    statuses = [sum(values(next(watch), 1))]
    mark('streaming')
    seen = {'stream': answer.read(call), 'statuses': statuses + [sum(values(m, 1)) for m in watch], 'watch': outcome(watch)}
    mark('ended')
    sys.stdin.readline()
    seen['down'] = said(unary(INFERENCE + 'GetModelInfo'))
    mark('down')
    sys.stdin.readline()
    seen['up'] = tokenize('Hello, world!', wait_for_ready=True)
    return seen


def case_guarded():
    """TLS and keys. A server without either is told by the transport or by the answer."""
    authority, stranger, alice, bob = arguments
    trusted, other = (grpc.ssl_channel_credentials(open(file, 'rb').read()) for file in (authority, stranger))
    tls = connect(credentials=trusted)
    path = INFERENCE + 'ListSessions'

    def bearer(key):
        return [('authorization', f'Bearer {key}')]

    session = field(1, create_session(on=tls, metadata=bearer(alice)))
    token = connect(credentials=grpc.composite_channel_credentials(trusted, grpc.access_token_call_credentials(alice)))
    reflect = method('stream_stream', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', tls)
    listed = unary(path, on=token)[1]
    return {
        'stranger': said(unary(path, on=connect(credentials=other))), 'plain': said(unary(path)),
        'no_key': said(unary(path, on=tls)), 'wrong_key': said(unary(path, on=tls, metadata=bearer('wrong-0123456789abcdef'))),
        'no_key_stream': generate(on=tls), 'no_key_duplex': drained(reflect(iter([field(7, '')]), timeout=WAIT)),
        'health': check('', on=tls), 'stream': generate(tokens=8, on=tls, metadata=bearer(alice)),
        'own': said(unary(INFERENCE + 'GetSession', session, on=tls, metadata=bearer(alice))),
        'call_credentials': len(values(listed, 1)),
        'others': said(unary(INFERENCE + 'GetSession', session, on=tls, metadata=bearer(bob))),
        'others_list': len(values(unary(path, on=tls, metadata=bearer(bob))[1], 1)),
    }


print(json.dumps(globals()[f'case_{name}']()))
