// Drives the gateway with @grpc/grpc-js. Usage: node gateway.mjs PORT CASE [ARGUMENT...]
// The last line printed is one JSON object with what was seen; the xunit test that started it judges.
// gateway.py plays the same cases and prints the same objects.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import fs from 'node:fs';
import readline from 'node:readline';

const [port, name, ...args] = process.argv.slice(2);
const how = { keepCase: true, longs: Number, enums: Number, defaults: true, oneofs: true, includeDirs: ['../../Contracts/Protos'] };
const files = ['quarot.proto', 'health.proto', 'vllm_engine.proto', 'grpc/reflection/v1/reflection.proto', 'grpc/reflection/v1alpha/reflection.proto'];
const api = grpc.loadPackageDefinition(loader.loadSync(files, how));
const { Inference } = api.quarot.v1, { Health } = api.grpc.health.v1, { VllmEngine } = api.vllm.grpc.engine;
const bytes = (value) => value;
const WAIT = 60_000;
const opened = [];

const connect = (Service = Inference, options = {}, credentials = grpc.credentials.createInsecure()) => {
  opened.push(new Service(`127.0.0.1:${port}`, credentials, options));
  return opened.at(-1);
};
const client = connect();
// Another service over the same connection.
const beside = (Service, own = client) => new Service(`127.0.0.1:${port}`, null, { channelOverride: own.getChannel() });

const metadata = (pairs = []) => {
  if (pairs instanceof grpc.Metadata) return pairs;
  const out = new grpc.Metadata();
  for (const [key, value] of pairs) out.add(key, value);
  return out;
};
const waiting = (() => { const m = new grpc.Metadata(); m.setOptions({ waitForReady: true }); return m; })();
const bearer = (key) => [['authorization', `Bearer ${key}`]];
const within = (timeout = WAIT) => (timeout === null ? {} : { deadline: Date.now() + timeout });
const text = (m) => Object.fromEntries(Object.entries(m.getMap()).filter(([key]) => !key.endsWith('-bin')));
const outcome = (status) => ({ code: status.code, details: status.details, trailers: text(status.metadata) });

// The outcome, with the response's fields beside it.
const unary = (method, request, { on = client, sent, options = {} } = {}) => new Promise((resolve) => {
  const seen = {};
  const call = on[method](request, metadata(sent), { ...within(), ...options }, (error, response) => Object.assign(seen, response));
  call.on('metadata', (m) => { seen.headers = text(m); });
  call.on('status', (s) => resolve({ ...seen, ...outcome(s) }));
});
const raw = (path, request) => new Promise((resolve) => {
  client.makeUnaryRequest(path, bytes, bytes, request, metadata(), within(), () => {}).on('status', (s) => resolve(outcome(s)));
});
const said = ({ code, details, trailers }) => ({ code, details, trailers });
const tokenize = async (words, how) => {
  const { token_ids: ids = [], ...seen } = await unary('Tokenize', { text: words }, how);
  return { ...seen, ids };
};

// Reads a stream of GenerateResponse to its end.
const newAnswer = () => ({ text: '', ids: [], messages: 0, finish: 0, completion: null, turn: null });
const add = (seen, m) => {
  seen.messages++;
  seen.text += m.text;
  seen.ids.push(...m.token_ids);
  if (m.finish_reason) Object.assign(seen, { finish: m.finish_reason, completion: m.usage?.completion_tokens });
  if (m.started) seen.turn = m.started.turn;
};
const read = (call, { cancelAfter, seen = newAnswer() } = {}) => new Promise((resolve) => {
  call.on('data', (m) => {
    add(seen, m);
    if (cancelAfter && seen.ids.length >= cancelAfter) call.cancel();
  });
  call.on('error', () => {});
  call.on('status', (s) => resolve({ ...seen, ...outcome(s) }));
});

// A temperature of 3 is so hot that the end token does not come up: a long answer is long.
const sampling = (tokens, { temperature = 3, logprobs } = {}) => ({ temperature, seed: 1, max_tokens: tokens, ...(logprobs && { logprobs }) });
const PROMPT = 'The Linux kernel is';
const generating = ({ prompt = PROMPT, tokens = 2000, on = client, timeout = WAIT, sent, ...how } = {}) =>
  on.Generate({ prompt, sampling: sampling(tokens, how) }, metadata(sent), within(timeout));
const generate = (how = {}) => read(generating(how), how);
const chat = (session, tokens, { timeout, cancelAfter, ...how } = {}) => read(client.Chat({
  session_id: session, messages: [{ role: 'user', content: 'Define "brave".' }], sampling: sampling(tokens, how),
}, metadata(), within(timeout)), { cancelAfter });
const createSession = async (how) => (await unary('CreateSession', {}, how)).session_id;
const transcript = async (session) => (await unary('GetSession', { session_id: session })).messages.map((m) => m.content);
const check = (service, on = beside(Health)) => unary('Check', { service }, { on });

// One message after the other, when asked for.
const pull = (call) => {
  call.on('error', () => {});
  const ended = new Promise((resolve) => { call.on('status', (s) => resolve(outcome(s))); });
  const messages = call[Symbol.asyncIterator]();
  return { ended, next: async () => (await messages.next()).value };
};
const drained = async (call) => {
  let messages = 0;
  call.on('data', () => { messages++; });
  call.on('error', () => {});
  return new Promise((resolve) => { call.on('status', (s) => resolve({ messages, ...outcome(s) })); });
};

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const mark = (what) => console.log(what);

// What a tool without the proto does: makes the messages from the files that reflection gave, and calls.
const callByDescriptors = async (descriptors) => {
  const set = Buffer.concat(descriptors.map((d) => {
    const length = [];
    let size = d.length;
    for (; size > 127; size >>>= 7) length.push((size & 127) | 128);
    return Buffer.concat([Buffer.from([0x0a, ...length, size]), d]);
  }));
  const reflected = grpc.loadPackageDefinition(loader.loadFileDescriptorSetFromBuffer(set, how));
  return (await unary('Tokenize', { text: 'Hello, world!' }, { on: beside(reflected.quarot.v1.Inference) })).token_ids;
};
const fileName = (descriptor) => descriptor.subarray(2, 2 + descriptor[1]).toString();

const cases = {
  async unary() {
    const { shards, ...info } = await unary('GetModelInfo', {});
    return { ...info, shards: shards.length, tokens: (await tokenize('Hello, world!')).ids };
  },

  async chat() {
    const session = await createSession();
    return { first: await chat(session, 256, { temperature: 0 }), transcript: await transcript(session) };
  },

  // Both names of the service; each question is asked when the one before is answered.
  async reflection() {
    const seen = {};
    let descriptors;
    for (const version of ['v1', 'v1alpha']) {
      const call = beside(api.grpc.reflection[version].ServerReflection).ServerReflectionInfo(metadata(), within());
      const { ended, next } = pull(call);
      const ask = (question) => { call.write(question); return next(); };
      const services = await ask({ list_services: '' });
      const { error_response: error } = await ask({ file_containing_symbol: 'no.such.Symbol' });
      descriptors = (await ask({ file_containing_symbol: 'quarot.v1.Inference' })).file_descriptor_response.file_descriptor_proto;
      call.end();
      const more = (await next()) === undefined ? 0 : 1;
      seen[version] = {
        services: services.list_services_response.service.map((s) => s.name), error: [error.error_code, error.error_message],
        files: descriptors.map(fileName), more, code: (await ended).code,
      };
    }
    return { ...seen, called: await callByDescriptors(descriptors) };
  },

  async deadline() {
    const session = await createSession();
    return { late: await chat(session, 2000, { timeout: 500 }), next: await chat(session, 8, { temperature: 0 }) };
  },

  // No timer here: the header alone tells the server.
  server_deadline: () => generate({ timeout: null, sent: [['grpc-timeout', '300m']] }),

  async cancel() {
    const session = await createSession();
    const cancelled = await chat(session, 2000, { cancelAfter: 3 });
    return { cancelled, next: await chat(session, 8, { temperature: 0 }), transcript: await transcript(session) };
  },

  async metadata() {
    const sent = [['x-note', 'one'], ['x-note', 'two'], ['x-blob-bin', Buffer.from(Array.from({ length: 256 }, (_, i) => i))]];
    return {
      answered: await tokenize('Hello, world!', { sent }), refused: said(await unary('Check', { service: 'größer 50% – 大' }, { on: beside(Health), sent })),
    };
  },

  // More long answers than may wait. The first refusal is all that matters.
  async full() {
    const calls = Array.from({ length: Number(args[0]) }, () => generating());
    const refusal = await Promise.race(calls.map((call) => read(call)));
    calls.forEach((call) => call.cancel());
    const engine = beside(VllmEngine);
    while ((await unary('GetLoads', {}, { on: engine })).loads[0].token_usage > 0); // until all that was running has ended
    return refusal;
  },

  unknown: async () => ({
    method: await raw('/quarot.v1.Inference/Nothing', Buffer.alloc(0)), service: await raw('/quarot.v1.Nobody/Nothing', Buffer.alloc(0)),
  }),

  errors: async () => ({
    session: said(await unary('GetSession', { session_id: 'doesnotexist' })),
    stream: await read(client.Generate({ prompt: 'Hi', sampling: { top_p: 2 } })),
    malformed: await raw('/quarot.v1.Inference/GetSession', Buffer.from([0x0a, 0xff])),
    oversized: said(await unary('Tokenize', { text: 'a'.repeat(8 << 20) })),
  }),

  async gzip() {
    const zipped = connect(Inference, { 'grpc.default_compression_algorithm': 2 });
    const words = 'llama '.repeat(2000);
    return {
      plain: (await tokenize(words)).ids, zipped: (await tokenize(words, { on: zipped })).ids,
      plain_stream: (await generate({ tokens: 12 })).text, zipped_stream: (await generate({ tokens: 12, on: zipped })).text,
      bomb: said(await unary('Tokenize', { text: 'a'.repeat(8 << 20) }, { on: zipped })),
    };
  },

  async concurrent() {
    const prompts = Array.from({ length: 5 }, (_, i) => `The number ${i} is`);
    const alone = [];
    for (const prompt of prompts) alone.push((await generate({ prompt, tokens: 8 })).text);
    const together = await Promise.all(Array.from({ length: 100 }, (_, i) => generate({ prompt: prompts[i % 5], tokens: 8 })));
    return { alone, together: together.map((a) => a.text), codes: [...new Set(together.map((a) => a.code))] };
  },

  // Does not read until the server has stood still for a while, counted in answers to another call on this connection.
  async slow() {
    const { ended, next } = pull(generating({ logprobs: 20 }));
    const seen = newAnswer();
    add(seen, await next());
    const engine = beside(VllmEngine);
    let usage = -1;
    for (let unchanged = 0; unchanged < 300;) {
      const before = usage;
      usage = (await unary('GetLoads', {}, { on: engine })).loads[0].token_usage;
      unchanged = usage === before ? unchanged + 1 : 0;
    }
    for (let m = await next(); m; m = await next()) add(seen, m);
    return { stalled: usage, ...seen, ...await ended };
  },

  // An idle stream, pinged until the test has seen enough answers.
  async keepalive() {
    const pinged = connect(Inference, { 'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 20000 });
    const watch = beside(Health, pinged).Watch({}, metadata(), within());
    const { ended, next } = pull(watch);
    let alive = true;
    ended.then(() => { alive = false; });
    const statuses = [(await next()).status];
    mark('idle');
    await lines.next();
    const seen = { statuses, alive, answered: await tokenize('Hello, world!', { on: pinged }) };
    watch.cancel();
    return seen;
  },

  async health() {
    const watches = ['', 'no.such.Service'].map((service) => beside(Health).Watch({ service }));
    const [watched, unknown] = await Promise.all(watches.map((w) => pull(w).next()));
    watches.forEach((w) => w.cancel());
    return {
      whole: await check(''), service: await check('quarot.v1.Inference'), unknown: await check('no.such.Service'),
      watched: watched.status, watched_unknown: unknown.status,
    };
  },

  async shutdown() {
    const [answer, watch] = [pull(generating({ logprobs: 20 })), pull(beside(Health).Watch({}, metadata(), within()))];
    const seen = newAnswer();
    add(seen, await answer.next());
    const statuses = [(await watch.next()).status];
    mark('streaming');
    const rest = async (from, onMessage) => {
      try {
        for (let m = await from.next(); m; m = await from.next()) onMessage(m);
      } catch { /* the status says why */ }
      return from.ended;
    };
    const [stream, watched] = await Promise.all([rest(answer, (m) => add(seen, m)), rest(watch, (m) => statuses.push(m.status))]);
    mark('ended');
    await lines.next();
    const down = said(await unary('GetModelInfo', {}));
    mark('down');
    await lines.next();
    const up = await tokenize('Hello, world!', { sent: waiting });
    return { stream: { ...seen, ...stream }, statuses, watch: watched, down, up };
  },

  // TLS and keys. A server without either is told by the transport or by the answer.
  async guarded() {
    const [authority, stranger, alice, bob] = args;
    const [trusted, other] = [authority, stranger].map((file) => grpc.credentials.createSsl(fs.readFileSync(file)));
    const tls = connect(Inference, {}, trusted);
    const token = connect(Inference, {}, grpc.credentials.combineChannelCredentials(
      trusted, grpc.credentials.createFromMetadataGenerator((_, done) => done(null, metadata(bearer(alice))))));
    const list = (how) => unary('ListSessions', {}, how);
    const session = { session_id: await createSession({ on: tls, sent: bearer(alice) }) };
    const reflect = () => {
      const call = beside(api.grpc.reflection.v1.ServerReflection, tls).ServerReflectionInfo(metadata(), within());
      call.end({ list_services: '' });
      return drained(call);
    };
    return {
      stranger: said(await list({ on: connect(Inference, {}, other) })), plain: said(await list()),
      no_key: said(await list({ on: tls })), wrong_key: said(await list({ on: tls, sent: bearer('wrong-0123456789abcdef') })),
      no_key_stream: await generate({ on: tls }), no_key_duplex: await reflect(),
      health: await check('', beside(Health, tls)), stream: await generate({ tokens: 8, on: tls, sent: bearer(alice) }),
      own: said(await unary('GetSession', session, { on: tls, sent: bearer(alice) })),
      call_credentials: (await list({ on: token })).sessions.length,
      others: said(await unary('GetSession', session, { on: tls, sent: bearer(bob) })),
      others_list: (await list({ on: tls, sent: bearer(bob) })).sessions.length,
    };
  },
};

console.log(JSON.stringify(await cases[name]()));
opened.forEach((c) => c.close());
process.exit(0);
