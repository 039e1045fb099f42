/** More than the service can carry: who finds no permit is told at once, and service goes on when there is one. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { type Answer, PART, type Service, start } from './service.ts';

describe('the service with one permit and nobody waiting', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start({
      ...PART,
      DATA_DIR: ':memory:',
      MAX_CONCURRENT: '1',
      MAX_QUEUE_SIZE: '0',
      ENABLE_CACHE: 'false',
    });
  });
  afterAll(async () => {
    await service?.stop();
  });

  /** A request that has its permit, and whose body does not come. */
  async function holdPermit(): Promise<Socket> {
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      'POST /api/trips HTTP/1.1\r\nHost: a\r\nX-Api-Key: demo-key-of-ada\r\n' +
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    return socket;
  }

  async function until(status: number): Promise<Answer> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- each asks whether things have changed since the last
      const answer = await service.get('/api/cities?limit=1');
      if (answer.status === status) return answer;
    }
  }

  test('refuses with 503, Retry-After and a problem, is alive all the while, and serves again', async () => {
    const socket = await holdPermit();
    const { headers, body } = await until(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body['code']).toMatch(/^ERR_QUEUE_/);
    expect((await service.get('/health/live')).status).toBe(200);
    socket.destroy();
    expect((await until(200)).body.items).toHaveLength(1);
  });
});
