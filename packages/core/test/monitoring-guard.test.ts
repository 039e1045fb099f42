/** Who is local: by the address, and by the name that is asked for. */
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { monitoringGuard } from '@org/core';
import express from 'express';

const TOKEN = 'a-token-of-sixteen-characters';
const app = express();
const guard = monitoringGuard();
const guardByToken = monitoringGuard(TOKEN);
app.use('/by-token', (req, res) => {
  res.sendStatus(guardByToken(req) ? 200 : 403);
});
app.use((req, res) => {
  res.sendStatus(guard(req) ? 200 : 403);
});
const server = app.listen(0, '127.0.0.1');

beforeAll(() => once(server, 'listening'));
afterAll(() => server.close());

async function ask(headers: Readonly<Record<string, string>>, path = '/'): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: '127.0.0.1', path, agent: false, headers }).end();
  const [answer] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
  answer.resume();
  return answer.statusCode;
}

test.each([
  'localhost',
  'localhost:3000',
  'LOCALHOST.',
  'api.localhost',
  '127.0.0.1:80',
  '[::1]:1',
])('a caller from this machine that asks for %s is local', async (host) => {
  expect(await ask({ host })).toBe(200);
});

test.each(['rebound.example', 'rebound.example:3000', '127.0.0.1.example', 'localhost.example'])(
  'a page in a local browser that has a name of its own resolve to us asks for "%s", and is not',
  async (host) => {
    expect(await ask({ host })).toBe(403);
  },
);

test.each([
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-original-forwarded-for',
  'x-real-ip',
  'x-client-ip',
  'cf-connecting-ip',
])('a request with "%s" has come from elsewhere, through a proxy on this machine', async (name) => {
  expect(await ask({ host: 'localhost', [name]: '' })).toBe(403);
});

test.each([true, 1, 'loopback'])(
  'and stays a stranger\'s where "trust proxy" is %p, whoever it says that it comes from',
  async (trust) => {
    app.set('trust proxy', trust);
    expect(await ask({ host: 'localhost' })).toBe(200);
    expect(await ask({ host: 'localhost', 'x-forwarded-for': '127.0.0.1' })).toBe(403);
    expect(await ask({ host: 'localhost', 'x-real-ip': '203.0.113.9' })).toBe(403);
    app.set('trust proxy', false);
  },
);

test('so has one in HTTP/1.0, by which nginx forwards without a word of its client', async () => {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET / HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  expect(await text(socket)).toContain('403 Forbidden');
});

test('a token opens whatever name is asked for, and is asked of callers from this machine', async () => {
  const authorization = `Bearer ${TOKEN}`;
  expect(await ask({ host: 'rebound.example', authorization }, '/by-token')).toBe(200);
  expect(await ask({ host: 'localhost' }, '/by-token')).toBe(403);
  expect(await ask({ host: 'localhost', authorization: 'Bearer other' }, '/by-token')).toBe(403);
});
