import express from 'express';
import { exchangeOf } from '@org/core';
import { fakeClock, serve, type Served } from '@org/core/testing';
import { security, type SecurityEvent, type SecurityOptions } from '@org/security';
import { setup } from '@org/setup';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

const namesOf = (options?: Partial<SecurityOptions>) => security(options).map(({ name }) => name);

test('makes the parts that are wanted, each in its phase', () => {
  expect(namesOf()).toEqual([
    'security:headers',
    'security:reputation',
    'security:threats',
    'security:threats-body',
    'security:sanitise',
  ]);
  expect(namesOf({ csrf: true })).toContain('security:csrf');
  expect(namesOf({ headers: false, reputation: false, enhanced: false, sanitise: false })).toEqual(
    [],
  );
  const { reputation, csrf } = security({ csrf: { unknown: 'refuse' } });
  expect(reputation?.name).toBe('security:reputation');
  expect(csrf?.name).toBe('security:csrf');
});

test('stands in the order headers, reputation, CSRF, threats, whatever priority they are all given', async () => {
  const app = express();
  const parts = security({ csrf: true }).toReversed();
  const priorities = Object.fromEntries(parts.map(({ name }) => [name, 7]));
  const stack = setup(app, [parts], { priorities });
  const names = stack.explain().rows.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('security:'))).toEqual([
    'security:headers',
    'security:reputation',
    'security:csrf',
    'security:threats',
    'security:threats-body',
    'security:sanitise',
  ]);
  await stack.close();
});

test('tells the reputation what is said for all, and what it is told itself wins', async () => {
  const clock = fakeClock();
  const events: SecurityEvent[] = [];
  const made = security({
    clock,
    threatThreshold: 2,
    threatWindowMs: 1000,
    deny: ['203.0.113.9'],
    onEvent: (event) => events.push(event),
    reputation: { blockMs: 7000, threshold: undefined },
  });
  const app = express().set('trust proxy', 'loopback').use(made);
  app.get('/', (req, res) => {
    made.reputation!.note(exchangeOf(req, res), 1, 'test');
    res.send('fine');
  });
  served = await serve(app);
  const from = async (address: string) =>
    (await fetch(served!.url, { headers: { 'X-Forwarded-For': address } })).status;
  expect(await from('203.0.113.9')).toBe(403);
  expect([await from('203.0.113.1'), await from('203.0.113.1')]).toEqual([200, 200]);
  expect(await from('203.0.113.1')).toBe(403);
  expect(events.map(({ type }) => type)).toEqual([
    'refused',
    'noted',
    'noted',
    'blocked',
    'refused',
  ]);
  clock.advance(7000);
  expect(await from('203.0.113.1')).toBe(200);
});

test('offers nonce, token and copies to handlers behind a stack that listens', async () => {
  const app = express();
  const stack = setup(app, [
    security({
      headers: { preset: 'site', nonce: true },
      csrf: {
        token: { secret: 'a secret of at least thirty-two characters', sessionOf: () => 'me' },
      },
    }),
  ]);
  app.get('/', (req, res) => {
    const { cspNonce, csrfToken } = res.locals as { cspNonce: string; csrfToken: string };
    res.json({ cspNonce, csrfToken, query: req.sanitised.query });
  });
  served = await serve(await stack.listen(0, '127.0.0.1'));
  const answer = await fetch(`${served.url}/?a=1&a=2`);
  const { cspNonce, ...rest } = (await answer.json()) as { cspNonce: string };
  expect(answer.headers.get('content-security-policy')).toContain(`'nonce-${cspNonce}'`);
  expect(answer.headers.getSetCookie()).toHaveLength(1);
  expect(rest).toEqual({ csrfToken: expect.any(String) as string, query: { a: '2' } });
  await stack.close();
});

test('has refusals answered by the error handlers where that is asked for', async () => {
  const made = security({ throwRefusals: true, csrf: { unknown: 'refuse' } });
  const app = express().set('trust proxy', 'loopback').use(made);
  app.use(((error, _req, res, _next) => {
    res.status(418).send(String(error.code));
  }) satisfies express.ErrorRequestHandler);
  served = await serve(app);
  made.reputation!.block('203.0.113.1');
  const blocked = await fetch(served.url, { headers: { 'X-Forwarded-For': '203.0.113.1' } });
  expect([blocked.status, await blocked.text()]).toEqual([418, 'ERR_ADDRESS_BLOCKED']);
  const foreign = await fetch(served.url, { method: 'POST', headers: { Cookie: 'a=1' } });
  expect([foreign.status, await foreign.text()]).toEqual([418, 'ERR_CSRF']);
});

test('detects in all parts at once', async () => {
  const made = security({ mode: 'detect', csrf: { unknown: 'refuse' }, deny: ['127.0.0.1'] });
  served = await serve(
    express()
      .use(made)
      .post('/', (_req, res) => void res.send('fine')),
  );
  const answer = await fetch(served.url, { method: 'POST', headers: { Cookie: 'a=1' } });
  expect(answer.status).toBe(200);
  expect(made.reputation!.stats()).toMatchObject({ refusedTotal: 1 });
  expect(made.csrf!.stats()).toMatchObject({ unknownTotal: 1 });
});

test('refuses options of parts as the parts do', () => {
  expect(() => security({ headers: { preset: 'app' as 'api' } })).toThrow('security:headers');
  expect(() => security({ threatThreshold: -1 })).toThrow('a number above 0');
  expect(() => security({ allow: ['x'] })).toThrow('an IP address, or a network');
  expect(() => security({ csrf: { token: {} } })).toThrow('option "secret" is needed');
  expect(() => security({ headers: [] as never })).toThrow('false or options');
});
