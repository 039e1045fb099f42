/** `Server-Timing` for those who may look inside, and for nobody else. */
import { cache } from '@org/cache';
import { defineMiddleware, exchangeOf, HANDLED, type Middleware } from '@org/core';
import { fakeClock, serve } from '@org/core/testing';
import { profiler, type Profiler } from '@org/profiler';
import { setup } from '@org/setup';
import express, { type Express } from 'express';

const clock = fakeClock();
const ASK = { 'x-server-timing': '1' };
const STRANGER = { 'x-forwarded-for': '203.0.113.9' };

const taking = (name: string, ms: number, answers = false): Middleware =>
  defineMiddleware({
    name,
    phase: 'shape',
    step({ res }) {
      clock.advance(ms);
      if (!answers) return undefined;
      res.send('answered');
      return HANDLED;
    },
  });

/** Serves an app under `setup`, on the test's own clock. */
async function within(
  parts: readonly Middleware[],
  use: (
    ask: (path: string, headers?: Record<string, string>) => Promise<Response>,
  ) => Promise<void>,
  routes: (app: Express) => void = slow,
): Promise<void> {
  const app = express();
  const stack = setup(app, [...parts], { allowHeavy: true, clock });
  routes(app);
  const server = await stack.listen(0, '127.0.0.1');
  const { url } = await serve(server);
  try {
    await use((path, headers = {}) => fetch(url + path, { headers }));
  } finally {
    await stack.close();
  }
}

function slow(app: Express): void {
  app.get('/slow', (_req, res) => {
    clock.advance(40.25);
    res.set('Server-Timing', 'db;dur=3').send('slow');
  });
}

function make(serverTiming: 'asked' | 'always' | false = 'asked', access?: string): Profiler {
  return profiler({ clock, stallMs: false, serverTiming, access });
}

const timingOf = async (answer: Promise<Response>): Promise<string | null> => {
  const response = await answer;
  await response.text();
  return response.headers.get('server-timing');
};

describe('Server-Timing', () => {
  it('tells each middleware, the handler and the whole, behind what the handler says itself', async () => {
    await within([...make(), taking('a', 2), taking('parts:one', 5)], async (ask) => {
      const timing = await timingOf(ask('/slow', ASK));
      const metrics = timing!.split(', ');
      expect(metrics[0]).toBe('db;dur=3');
      for (const metric of metrics) {
        expect(metric).toMatch(/^[\w!#$%&'*+.^`|~-]+;dur=\d+(?:\.\d+)?$/);
      }
      expect(metrics).toEqual(
        expect.arrayContaining([
          'a;dur=2',
          'parts-one;dur=5',
          'handler;dur=40.25',
          'total;dur=47.25',
        ]),
      );
    });
  });

  it('says where a middleware answered', async () => {
    await within([...make(), taking('a', 2), taking('b', 3, true)], async (ask) => {
      const timing = await timingOf(ask('/slow', ASK));
      expect(timing).toMatch(/a;dur=2, answer;dur=3, total;dur=5$/);
      expect(timing).not.toContain('handler');
    });
  });

  it('goes to nobody who does not ask, and to no stranger who does', async () => {
    const made = make();
    await within([...made], async (ask) => {
      expect(await timingOf(ask('/slow'))).toBe('db;dur=3');
      expect(await timingOf(ask('/slow', { ...ASK, ...STRANGER }))).toBe('db;dur=3');
      expect(made.stats()['timedTotal']).toBe(0);
    });
  });

  it('goes to who brings the token, where there is one, and to nobody else', async () => {
    const token = 'a-token-of-some-length';
    await within([...make('asked', token)], async (ask) => {
      expect(await timingOf(ask('/slow', ASK))).toBe('db;dur=3');
      const authorised = { ...ASK, ...STRANGER, authorization: `Bearer ${token}` };
      expect(await timingOf(ask('/slow', authorised))).toContain('total;');
    });
  });

  it('always, goes to all who may look inside, and still to no stranger', async () => {
    await within([...make('always')], async (ask) => {
      expect(await timingOf(ask('/slow'))).toContain('handler;dur=40.25');
      expect(await timingOf(ask('/slow', STRANGER))).toBe('db;dur=3');
    });
  });

  it('can be switched off', async () => {
    await within([...make(false)], async (ask) => {
      expect(await timingOf(ask('/slow', ASK))).toBe('db;dur=3');
    });
  });

  it('is not kept by a cache, and handed to a stranger with a hit', async () => {
    const kept = (app: Express): void =>
      void app.get('/kept', (_req, res) => {
        res.set('Cache-Control', 'public, max-age=60').send('kept');
      });
    await within(
      [...make(), cache({ clock })],
      async (ask) => {
        expect(await timingOf(ask('/kept', ASK))).toContain('handler;');
        const hit = await ask('/kept', STRANGER);
        expect(hit.headers.get('cache-status')).toContain('hit');
        expect(hit.headers.has('server-timing')).toBe(false);
        expect(await timingOf(ask('/kept', ASK))).toContain('answer;');
      },
      kept,
    );
  });

  it('is kept from the caches between here and its caller (RFC 9111 §5.2.2.7)', async () => {
    const kept = (app: Express): void =>
      void app.get('/kept', (_req, res) => {
        res.set('Cache-Control', 'public, max-age=60').send('kept');
      });
    await within(
      [...make()],
      async (ask) => {
        const [timed, plain] = [await ask('/kept', ASK), await ask('/kept')];
        expect(timed.headers.get('cache-control')).toBe('public, max-age=60, private');
        expect(plain.headers.get('cache-control')).toBe('public, max-age=60');
      },
      kept,
    );
  });

  it('alone has the whole time, since nobody keeps a timeline', async () => {
    const made = make();
    const app = express();
    app.use((req, res, next) => {
      exchangeOf(req, res, clock);
      next();
    });
    app.use(made);
    slow(app);
    const { url, close } = await serve(app);
    expect(await timingOf(fetch(`${url}/slow`, { headers: ASK }))).toBe(
      'db;dur=3, total;dur=40.25',
    );
    await close();
    await made.close();
  });

  it('has no timelines kept once the profiler is closed', async () => {
    const made = make('always');
    let timed: boolean | undefined;
    const looks = defineMiddleware({
      name: 'looks',
      phase: 'shape',
      step: ({ timeline }) => void (timed = timeline !== undefined),
    });
    await within([...made, looks], async (ask) => {
      await ask('/slow');
      expect(timed).toBe(true);
      await made.close();
      expect(await timingOf(ask('/slow'))).toBe('db;dur=3');
      expect(timed).toBe(false);
    });
  });
});
