/**
 * Whatever clients send, in an order that comes from a seed: no answer says that we failed, the
 * process lives, complains of nothing, and serves those who behave as before.
 */
import { connect } from 'node:net';

import { mulberry32 } from '../upstream/faults.ts';
import { type Service, start, UNQUEUED } from './service.ts';

const REQUESTS = 1500;
const AT_ONCE = 20;
/** A connection is ours to end: what a half-sent request waits for does not matter here. */
const PATIENCE_MS = 2000;

describe.each([7, 2026])('hostile clients, seed %i', (seed) => {
  const random = mulberry32(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;
  let service: Service;

  beforeAll(async () => {
    service = await start({
      ...UNQUEUED,
      MIN_POPULATION: '500000',
      DATA_DIR: ':memory:',
      // One address sends all of it, and is not to be sent away for what it did before.
      THREAT_THRESHOLD: '1000000',
      TRUST_PROXY: 'loopback',
    });
  });
  afterAll(async () => {
    await service?.stop('SIGKILL');
  });

  const noise = (length: number): string =>
    Array.from({ length }, () => String.fromCodePoint(below(256))).join('');
  const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`;
  const escaped = (): string => `%${below(256).toString(16).padStart(2, '0')}`;

  const paths: readonly (() => string)[] = [
    () => `/api/cities?${'a[b]'.repeat(below(20))}=${escaped()}${escaped()}`,
    () => `/api/cities/${below(2 ** 31)}${escaped()}`,
    () => `/api/cities?limit=${below(1e9)}&sort=${encodeURIComponent(noise(20))}`,
    () => `/api/cities?${'q=1&'.repeat(below(2000))}`,
    () => `/api/cities?__proto__[polluted]=1&constructor[prototype][polluted]=1`,
    () => `/${'../'.repeat(below(20))}etc/passwd`,
    () => `/%00${escaped().repeat(below(50))}`,
    () => `http://other.example/api/countries`,
    () => `//api//countries/../../${noise(5).replaceAll(/[\s#]/g, 'x')}`,
    () => `/api/trips?${"id=1'+OR+1=1--&".repeat(below(5))}`,
    () => `/${'a'.repeat(below(20_000))}`,
    () => '*',
  ];
  const bodies: readonly (() => string)[] = [
    () => deep(below(20_000)),
    () => `{"name":${deep(below(200))},"stops":[]}`,
    () => `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`,
    () => `{"name":"${noise(50)}","stops":${'['.repeat(below(50))}`,
    () => noise(below(3000)),
    () => `{"name":1e${below(5000)},"stops":{"length":1e9}}`,
    () => `"${'\\u0000'.repeat(below(100))}"`,
    () => `[${'{},'.repeat(below(5000))}{}]`,
    () => '',
  ];
  const types: readonly string[] = [
    'application/json',
    'application/json; charset=utf-7',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'text/plain',
    'application/json, text/html',
    '\u00ff',
  ];
  const headers: readonly (() => string)[] = [
    () => `X-Api-Key: ${oneOf(['demo-key-of-ada', noise(10).replaceAll(/[\r\n\0]/g, 'x')])}`,
    () => `Accept: ${'a/b;q=0.1,'.repeat(below(500))}*/*`,
    () => `Accept-Encoding: ${oneOf(['gzip', 'br;q=2', 'identity;q=0', '*;q=0', ',,,'])}`,
    () => `If-None-Match: ${'"a",'.repeat(below(500))}W/"b"`,
    () => `If-Modified-Since: ${noise(20).replaceAll(/[\r\n\0]/g, 'x')}`,
    () => `Range: bytes=${below(100)}-${below(100)},${'0-,'.repeat(below(100))}`,
    () => `Idempotency-Key: ${oneOf(['"a"', '', '"', `"${'k'.repeat(300)}"`])}`,
    () => `traceparent: 00-${below(1e9)}-${below(1e9)}-zz`,
    () => `Cookie: ${'a=b; '.repeat(below(300))}`,
    () => `API-Version: ${oneOf(['2026-01-01', '1', noise(5).replaceAll(/[\r\n\0]/g, 'x')])}`,
    () => `X-Forwarded-For: ${'1.2.3.4, '.repeat(below(50))}::ffff:1.2.3.4`,
    () => `Host: ${oneOf(['a', 'a/b', '', '[::1', 'a:99999999'])}`,
    () => `Transfer-Encoding: ${oneOf(['chunked', 'identity', 'gzip'])}`,
    () => `Expect: ${oneOf(['100-continue', 'nothing'])}`,
    () => `Request-Timeout: ${oneOf(['-1', '1e9', 'NaN'])}`,
    () => `Connection: ${oneOf(['close', 'upgrade', 'keep-alive, x-api-key'])}`,
    () => `Upgrade: ${oneOf(['websocket', 'h2c'])}`,
  ];

  function hostileRequest(): string {
    const method = oneOf(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'PUT', 'TRACE']);
    const path = random() < 0.5 ? '/api/trips' : oneOf(paths)();
    const body = random() < 0.5 ? oneOf(bodies)() : '';
    const length = random() < 0.9 ? Buffer.byteLength(body, 'latin1') : below(1e6);
    const more = Array.from({ length: below(6) }, () => `${oneOf(headers)()}\r\n`);
    const one = `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${oneOf(types)}\r\nContent-Length: ${length}\r\n${more.join('')}\r\n${body}`;
    return random() < 0.1 ? one.repeat(3) : one;
  }

  /** Sends bytes, and gives the statuses of what comes back before the connection ends or nothing comes any more. */
  async function send(text: string): Promise<readonly number[]> {
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      received += part;
      // The first answer tells; a connection that is kept is not waited for.
      if (received.includes('\r\n\r\n')) setTimeout(() => socket.destroy(), 20);
    });
    // Resets are what some of it asks for.
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.write(text, 'latin1');
    await closed;
    return [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  }

  test('get no 5xx, and nobody else notices', async () => {
    const failed: unknown[] = [];
    let answered = 0;
    let sent = 0;
    const client = async (): Promise<void> => {
      while (sent < REQUESTS) {
        sent++;
        const text = hostileRequest();
        // oxlint-disable-next-line no-await-in-loop -- a client sends one after the other
        const statuses = await send(text);
        answered += statuses.length;
        for (const status of statuses) {
          if (status >= 500) failed.push({ status, text: text.slice(0, 500) });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    expect(failed).toEqual([]);
    // Most of it was understood well enough to be refused.
    expect(answered).toBeGreaterThan(REQUESTS / 2);
    expect(service.process.exitCode).toBeNull();
    // Lines of the log are JSON; what Node says of itself is not.
    const complaints = service
      .output()
      .match(/^(?:\(node:|Error|.*unhandled|.*"level":"error").*$/gim);
    expect(complaints).toBeNull();
    const { status, body } = await service.get('/api/cities?limit=2');
    expect(status).toBe(200);
    expect(body.items).toHaveLength(2);
    expect(body).not.toHaveProperty('polluted');
  });
});
