/** What the inspection finds counts against the address it came from. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { security, type SecurityEvent } from '@org/security';
import express from 'express';

const ATTACK = "/?q=1'%20OR%20'1'='1";

describe('security', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function serve(...[options]: Parameters<typeof security>) {
    const app = express();
    app.set('trust proxy', 'loopback');
    const events: SecurityEvent[] = [];
    const guards = security({ onEvent: (event) => events.push(event), ...options });
    app.use(express.json(), guards);
    app.use((req, res) => {
      res.json({ fine: true });
    });
    const server = app.listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = async (path: string, address: string, body?: unknown): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { 'x-forwarded-for': address, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
    return { ask, events, guards };
  }

  test('blocks an address from which attacks come, and nobody else', async () => {
    const { ask, events, guards } = await serve({ threatThreshold: 2 });
    expect((await ask(ATTACK, '192.0.2.1')).status).toBe(403);
    expect((await ask('/', '192.0.2.1')).status).toBe(200);
    expect((await ask('/', '192.0.2.1', { name: "x'; DROP TABLE users; --" })).status).toBe(403);
    const blocked = await ask('/', '192.0.2.1');
    expect(blocked.status).toBe(403);
    expect(await blocked.json()).toMatchObject({ code: 'ERR_ADDRESS_BLOCKED' });
    expect((await ask('/', '192.0.2.2')).status).toBe(200);
    expect(events.map(({ type }) => type)).toEqual([
      'noted',
      'threat',
      'noted',
      'blocked',
      'threat',
      'refused',
    ]);
    expect(guards.reputation?.list()).toMatchObject([{ key: '192.0.2.1', reason: 'sqli' }]);
  });

  test.each([{ enhanced: false }, { threats: false as const }])(
    'looks for no attacks with %j',
    async (options) => {
      const { ask } = await serve(options);
      expect((await ask(ATTACK, '192.0.2.1')).status).toBe(200);
    },
  );

  test.each([
    [{ mode: 'detect' as const }, 1],
    [{ threats: { mode: 'detect' as const } }, 0],
  ])('what is only found counts where all parts only detect: %j', async (options, noted) => {
    const { ask, guards } = await serve(options);
    expect((await ask(ATTACK, '192.0.2.1')).status).toBe(200);
    expect(guards.reputation?.stats()).toMatchObject({ notedTotal: noted });
  });

  test('tells and lets pass under detect', async () => {
    const { ask, events } = await serve({ mode: 'detect', threatThreshold: 1 });
    expect((await ask(ATTACK, '192.0.2.1')).status).toBe(200);
    expect((await ask('/', '192.0.2.1')).status).toBe(200);
    expect(events).toContainEqual(expect.objectContaining({ type: 'threat', refused: false }));
  });
});
