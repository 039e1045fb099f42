/** One address for every spelling that Express' routers understand. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addressOf } from '@org/core';
import express from 'express';

const app = express();
const inner = express.Router();
inner.use((req, res) => {
  res.json({ address: addressOf(req) });
});
app.use('/api', inner);
app.use((req, res) => {
  res.json({ address: addressOf(req) });
});
const server = app.listen(0, '127.0.0.1');

beforeAll(() => once(server, 'listening'));
afterAll(() => server.close());

async function addressFor(target: string): Promise<unknown> {
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, path: target, agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return (JSON.parse(text) as { address: unknown }).address;
}

test.each([
  ['origin form', '/api/trips?a=1', '/api/trips'],
  ['absolute form (RFC 9112 §3.2.2)', 'http://places.example/api/trips?a=1', '/api/trips'],
  ['absolute form outside of a mount', 'http://places.example/trips', '/trips'],
  ['a fragment, which no target should have', '/api/trips#a', '/api/trips'],
  ['case and slashes as they were sent: the patterns see to them', '/API/trips/', '/API/trips/'],
])('%s', async (_name, target, address) => {
  expect(await addressFor(target)).toBe(address);
});
