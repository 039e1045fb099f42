/** What clients hear while something changes, and when the service ends. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, type LiveError } from '@org/websocket/client';
import { WebSocket } from 'ws';

import { weatherServer } from '../upstream/server.ts';
import { PART, type Service, start } from './service.ts';

const BUENOS_AIRES = 3435910;
const ADA = { 'x-api-key': 'demo-key-of-ada' };

let upstream: ReturnType<ReturnType<typeof weatherServer>['listen']>;
let service: Service;

beforeAll(async () => {
  upstream = weatherServer().listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  service = await start({
    ...PART,
    MIN_POPULATION: '500000',
    DATA_DIR: ':memory:',
    WEATHER_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
  });
});

afterAll(async () => {
  await service?.stop();
  upstream.closeAllConnections();
  upstream.close();
});

const client = (token?: string) =>
  connect(`${service.url.replace('http', 'ws')}/live`, {
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
  let { body } = await service.get(`/api/cities/${BUENOS_AIRES}/weather`);
  expect(await told).toEqual(body);
  ({ body } = await service.get('/api/middleware/websockets'));
  expect(body).toMatchObject({ connections: 1, sentTotal: 1 });
  listener.close();
});

test('a trip is its owner’s, here as well', async () => {
  const trip = { name: 'Rivers', stops: [] };
  const { body } = await service.send('POST', '/api/trips', trip, {
    ...ADA,
    'idempotency-key': 'live-1',
  });
  const channel = `trips/${String(body['id'])}`;
  expect(await refusal(channel, ADA['x-api-key'])).toBeUndefined();
  expect(await refusal(channel, 'demo-key-of-ibn')).toBe('ERR_CHANNEL_FORBIDDEN');
  expect(await refusal(channel)).toBe('ERR_CHANNEL_FORBIDDEN');
  expect(await refusal('trips/nonsense', ADA['x-api-key'])).toBe('ERR_CHANNEL_FORBIDDEN');
});

test('when the service ends, its clients are told when to come back', async () => {
  const ws = new WebSocket(`${service.url.replace('http', 'ws')}/live`, 'channels.v1');
  const messages: string[] = [];
  ws.on('message', (data: Buffer) => {
    messages.push((JSON.parse(data.toString()) as { type: string }).type);
  });
  await once(ws, 'message');
  const closed = once(ws, 'close');
  expect(await service.stop()).toBe(0);
  expect((await closed)[0]).toBe(1012);
  expect(messages).toEqual(['hello', 'goodbye']);
});
