/** Who is local: by the address, and by the name that is asked for. */
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { monitoringGuard } from '@org/core';
import express from 'express';

const TOKEN = 'a token of sixteen characters';
const app = express();
const guard = monitoringGuard(TOKEN.replaceAll(' ', '-'));
app.use((req, res) => {
  res.sendStatus(guard(req) ? 200 : 403);
});
const server = app.listen(0, '127.0.0.1');

beforeAll(() => once(server, 'listening'));
afterAll(() => server.close());

async function ask(headers: Readonly<Record<string, string>>): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: '127.0.0.1', agent: false, headers }).end();
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

test.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])(
  'a request with "%s" has come from elsewhere, through a proxy on this machine',
  async (name) => {
    expect(await ask({ host: 'localhost', [name]: '' })).toBe(403);
  },
);

test('so has one in HTTP/1.0, by which nginx forwards without a word of its client', async () => {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET / HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  expect(await text(socket)).toContain('403 Forbidden');
});

test('the token opens whatever name is asked for', async () => {
  const authorization = `Bearer ${TOKEN.replaceAll(' ', '-')}`;
  expect(await ask({ host: 'rebound.example', authorization })).toBe(200);
});
