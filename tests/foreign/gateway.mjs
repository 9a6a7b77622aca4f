// Drives the gateway with @grpc/grpc-js. Usage: node gateway.mjs PORT PROTO_FOLDER CASE
// Prints one JSON object with what it saw; the xunit test that started it judges.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import path from 'node:path';

const [port, protos, name] = process.argv.slice(2);
const definition = loader.loadSync(path.join(protos, 'quarot.proto'), {
  keepCase: true, longs: String, enums: String, defaults: true, oneofs: true, includeDirs: [protos],
});
const { quarot } = grpc.loadPackageDefinition(definition);
const client = new quarot.v1.Inference(`127.0.0.1:${port}`, grpc.credentials.createInsecure());

const unary = (method, request) => new Promise((resolve) =>
  client[method](request, (error, response) => resolve(error ? failure(error) : response)));

const failure = (error) => ({ code: error.code, details: error.details });

// Reads a stream to its end; `onMessage` may cancel it.
const stream = (call, onMessage = () => {}) => new Promise((resolve) => {
  const seen = { text: '', ids: [], messages: 0, error: null };
  call.on('data', (m) => {
    seen.messages++;
    seen.text += m.text;
    seen.ids.push(...m.token_ids);
    if (m.finish_reason !== 'FINISH_REASON_UNSPECIFIED') Object.assign(seen, { finish: m.finish_reason, usage: m.usage });
    onMessage(m, seen);
  });
  call.on('error', (e) => { seen.error = failure(e); });
  call.on('status', (s) => resolve({ ...seen, status: s.code }));
});

const cases = {
  unary: () => unary('GetModelInfo', {}),
  tokenize: () => unary('Tokenize', { text: 'Hello, world!' }),
  error: () => unary('GetSession', { session_id: 'doesnotexist' }),
  invalid: () => stream(client.Generate({ prompt: 'Hi', sampling: { top_p: 2 } })),
  async chat() {
    const session = await unary('CreateSession', {});
    const ask = (content) => stream(client.Chat({
      session_id: session.session_id, messages: [{ role: 'user', content }], sampling: { temperature: 0 },
    }));
    return { first: await ask('Define "brave".'), transcript: await unary('GetSession', { session_id: session.session_id }) };
  },
  cancel: () => {
    const call = client.Generate({ prompt: 'The Linux kernel is', sampling: { temperature: 3, seed: 1, max_tokens: 2000 } });
    return stream(call, (_, seen) => { if (seen.ids.length >= 3) call.cancel(); });
  },
};

console.log(JSON.stringify(await cases[name]()));
client.close();
