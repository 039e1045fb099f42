/** What clients hear while something changes, and when the service ends. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, type LiveError } from '@org/websocket/client';
import { WebSocket } from 'ws';

import { createApp, type Service } from '../src/app.ts';
import { readConfig } from '../src/settings.ts';
import { PART } from './service.ts';

const BUENOS_AIRES = 3435910;
const ADA = { 'x-api-key': 'demo-key-of-ada' };
const SUNNY = {
  temperatureC: 21,
  windKmh: 5,
  sky: 'clear',
  observedAt: '2027-05-01T12:00:00Z',
} as const;

let stack: Service['stack'];
let url: string;

beforeAll(async () => {
  // What it tells while it loads is nobody's here.
  jest.spyOn(console, 'log').mockImplementation();
  const config = readConfig({
    ...PART,
    MIN_POPULATION: '500000',
    DATA_DIR: ':memory:',
    LOG_LEVEL: 'SILENT',
  });
  ({ stack } = await createApp(config, { weather: { parts: [], at: async () => SUNNY } }));
  const server = await stack.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 240_000);

afterAll(async () => {
  await stack?.close();
  jest.restoreAllMocks();
});

const client = (token?: string) =>
  connect(`${url.replace('http', 'ws')}/live`, {
    WebSocket,
    ...(token === undefined ? {} : { token: () => token }),
  });

/** Why a channel is refused; nothing once somebody has heard of it. */
async function refusal(channel: string, token?: string): Promise<string | undefined> {
  const asking = client(token);
  const refused = new Promise<LiveError>((resolve) =>
    asking.subscribe(channel, { onEvent: () => undefined, onError: resolve }),
  );
  // Answers come in order: a second one says that the first was none.
  const nowhere = new Promise<LiveError>((resolve) =>
    asking.subscribe('nowhere', { onEvent: () => undefined, onError: resolve }),
  );
  const { code } = await Promise.race([refused, nowhere]);
  asking.close();
  return code === 'ERR_CHANNEL_UNKNOWN' ? undefined : code;
}

test('the weather of a city is told to those who listen when somebody asks for it', async () => {
  const listener = client();
  const told = new Promise((resolve) => listener.subscribe(`weather/${BUENOS_AIRES}`, resolve));
  const answer = await fetch(`${url}/api/cities/${BUENOS_AIRES}/weather`);
  const weather: unknown = await answer.json();
  expect(weather).toEqual({ city: `/api/cities/${BUENOS_AIRES}`, ...SUNNY });
  expect(await told).toEqual(weather);
  const sockets = await fetch(`${url}/api/middleware/websockets`);
  expect(await sockets.json()).toMatchObject({ connections: 1, sentTotal: 1 });
  listener.close();
});

test('a trip is its owner’s, here as well', async () => {
  const trip = { name: 'Rivers', stops: [] };
  const made = await fetch(`${url}/api/trips`, {
    method: 'POST',
    headers: { ...ADA, 'content-type': 'application/json' },
    body: JSON.stringify(trip),
  });
  const { id } = (await made.json()) as { id: string };
  const channel = `trips/${id}`;
  expect(await refusal(channel, ADA['x-api-key'])).toBeUndefined();
  expect(await refusal(channel, 'demo-key-of-ibn')).toBe('ERR_CHANNEL_FORBIDDEN');
  expect(await refusal(channel)).toBe('ERR_CHANNEL_FORBIDDEN');
  expect(await refusal('trips/nonsense', ADA['x-api-key'])).toBe('ERR_CHANNEL_FORBIDDEN');
});

test('when the service ends, its clients are told when to come back', async () => {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/live`, 'channels.v1');
  const messages: string[] = [];
  ws.on('message', (data: Buffer) => {
    messages.push((JSON.parse(data.toString()) as { type: string }).type);
  });
  await once(ws, 'message');
  const closed = once(ws, 'close');
  await stack.close();
  expect((await closed)[0]).toBe(1012);
  expect(messages).toEqual(['hello', 'goodbye']);
});
