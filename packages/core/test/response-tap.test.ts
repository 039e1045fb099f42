import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough, pipeline, Readable } from 'node:stream';
import express, { type Request, type RequestHandler, type Response } from 'express';

import {
  defineMiddleware,
  defineStages,
  exchangeOf,
  FAULT_CHANNEL,
  type StageHandlers,
} from '@org/core';
import { recordExchanges, serve } from '@org/core/testing';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import {
  type Ask,
  BARE,
  type Observation,
  observe,
  type Scenario,
  VARIANTS,
} from './response-observer.ts';

const TEXT = 'text '.repeat(400);

/** What a handler may do with a response. Each is served bare and through every kind of tap. */
const SCENARIOS: Record<string, { run: Scenario; ask?: Ask; cut?: true }> = {
  'writeHead with a status': { run: (_req, res) => void res.writeHead(201).end('made') },
  'writeHead with a status and headers': {
    run: (_req, res) =>
      void res.writeHead(200, { 'X-One': '1', 'Content-Type': 'text/plain' }).end('ok'),
  },
  'writeHead with a status, a reason and headers': {
    run: (_req, res) => void res.writeHead(200, 'Quite Fine', { 'X-One': '1' }).end('ok'),
  },
  'writeHead with a status and a reason': {
    run: (_req, res) => void res.writeHead(202, 'Taken').end(),
  },
  'writeHead with a raw array of headers': {
    run: (_req, res) => void res.writeHead(200, ['X-One', '1', 'X-Two', '2'] as never).end('ok'),
  },
  'writeHead over headers that were set': {
    run: (_req, res) => {
      res.setHeader('X-One', 'old').setHeader('X-Kept', 'yes');
      res.writeHead(200, { 'x-one': 'new' }).end('ok');
    },
  },
  'writeHead with an impossible status': {
    run: (_req, res, note) => {
      try {
        res.writeHead(1000);
      } catch (error) {
        note((error as { code: string }).code);
      }
      res.end('fine after all');
    },
  },
  'writeHead twice': {
    run: (_req, res, note) => {
      res.writeHead(200);
      try {
        res.writeHead(201);
      } catch (error) {
        note((error as { code: string }).code);
      }
      res.end('ok');
    },
  },
  'a header after the head is sent': {
    run: (_req, res, note) => {
      res.write('begun');
      try {
        res.setHeader('X-Late', '1');
      } catch (error) {
        note((error as { code: string }).code);
      }
      note(res.headersSent);
      res.end();
    },
  },
  'an illegal header value': {
    run: (_req, res, note) => {
      try {
        res.writeHead(200, { 'X-Bad': 'a\r\nb' });
      } catch (error) {
        note((error as { code: string }).code);
      }
      res.end('ok');
    },
  },
  'setHeader and appendHeader': {
    run: (_req, res) => {
      res
        .setHeader('X-List', ['a', 'b'])
        .appendHeader('X-List', 'c')
        .appendHeader('Set-Cookie', 'a=1');
      res.appendHeader('Set-Cookie', 'b=2');
      res.end('ok');
    },
  },
  flushHeaders: {
    run: (_req, res, note) => {
      res.flushHeaders();
      note(res.headersSent);
      res.end('later');
    },
  },
  'res.json': { run: (_req, res) => void res.json({ a: [1, 2, 3], text: TEXT }) },
  'res.send of text': { run: (_req, res) => void res.send(TEXT) },
  'res.send of an object': { run: (_req, res) => void res.send({ a: 1 }) },
  'res.send of bytes': { run: (_req, res) => void res.send(Buffer.from(TEXT)) },
  'res.send of nothing': { run: (_req, res) => void res.send() },
  'res.jsonp': { run: (_req, res) => void res.jsonp({ a: 1 }) },
  'res.redirect': { run: (_req, res) => res.redirect('/elsewhere') },
  'res.sendStatus': { run: (_req, res) => void res.sendStatus(404) },
  'res.sendFile': {
    run: (_req, res) => res.sendFile(join(process.cwd(), 'LICENSE'), { lastModified: false }),
  },
  'res.sendFile of a range': {
    run: (_req, res) => res.sendFile(join(process.cwd(), 'LICENSE'), { lastModified: false }),
    ask: { headers: { range: 'bytes=10-29' } },
  },
  'HEAD of res.json': { run: (_req, res) => void res.json({ a: TEXT }), ask: { method: 'HEAD' } },
  'HEAD of a stream': {
    run: (_req, res) => {
      res.write('one');
      res.end('two');
    },
    ask: { method: 'HEAD' },
  },
  '204': { run: (_req, res) => void res.status(204).end() },
  '204 with a body that is not sent': { run: (_req, res) => void res.status(204).send('ignored') },
  '304 by Express itself': {
    run: (_req, res) => void res.set('ETag', '"v1"').send(TEXT),
    ask: { headers: { 'if-none-match': '"v1"' } },
  },
  '1xx before the answer': {
    run: (_req, res) => {
      res.writeProcessing();
      res.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => undefined);
      res.send('ok');
    },
  },
  'writes in parts': {
    run: (_req, res) => {
      res.write('one ');
      res.write(Buffer.from('two '));
      res.write('dGhyZWU=', 'base64');
      res.end(' four');
    },
  },
  'writes with a stated length': {
    run: (_req, res) => {
      res.setHeader('Content-Length', 6);
      res.write('abc');
      res.end('def');
    },
  },
  'callbacks of write and end': {
    run: (_req, res, note) => {
      res.write('one', () => note('written'));
      res.end('two', () => note('ended'));
    },
  },
  'end with only a callback': { run: (_req, res, note) => void res.end(() => note('ended')) },
  'double end': {
    run: (_req, res, note) => {
      res.end('one');
      res.end(() => note('second end called back'));
      note(res.writableEnded);
    },
  },
  'write after end': {
    run: (_req, res) => {
      res.end('one');
      res.write('two');
    },
  },
  'a chunk of a wrong type': {
    run: (_req, res, note) => {
      for (const chunk of [null, 7, {}] as never[]) {
        try {
          res.write(chunk);
        } catch (error) {
          note((error as { code: string }).code);
        }
      }
      res.end('ok');
    },
  },
  'empty writes': {
    run: (_req, res) => {
      res.write('');
      res.write(Buffer.alloc(0));
      res.end('');
    },
  },
  trailers: {
    run: (_req, res) => {
      res.setHeader('Trailer', 'X-Sum');
      res.write('body');
      res.addTrailers({ 'X-Sum': '42' });
      res.end();
    },
  },
  'a pipe with back-pressure': {
    run: (_req, res) =>
      void Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(65_536, 'x'))).pipe(res),
  },
  'pipeline()': {
    run: (_req, res, note) =>
      void pipeline(Readable.from(['a', 'b', 'c']), new PassThrough(), res, (error) =>
        note(error ?? 'no error'),
      ),
  },
  'a stream that fails midway': {
    cut: true,
    run: (_req, res) => {
      res.write('begun');
      setImmediate(() => res.destroy());
    },
  },
  'an error after the head is sent': {
    cut: true,
    run: (_req, res, _note, next) => {
      res.write('begun');
      setImmediate(() => next(new Error('too late')));
    },
  },
  'an error before anything': {
    run: () => {
      throw new Error('early');
    },
  },
  'a header of an earlier patch on writeHead': {
    run: (_req, res) => {
      const original = res.writeHead.bind(res) as (...args: unknown[]) => ServerResponse;
      res.writeHead = ((...args: unknown[]) => {
        res.setHeader('X-Patched', '1');
        return original(...args);
      }) as never;
      res.send(TEXT);
    },
  },
};

/**
 * What a content coding changes by its nature: length, framing, the strength of the
 * validator, and how calls that wait for it fall among others. Of a body that is
 * cut, how much an encoder has let go is nobody's promise.
 */
function besidesCoding(seen: Observation, cut: boolean): unknown {
  if (cut) return seen.events;
  const {
    'content-length': _length,
    'transfer-encoding': _transfer,
    'accept-ranges': _ranges,
    etag,
    ...headers
  } = seen.headers;
  return {
    ...seen,
    headers: { ...headers, etag: typeof etag === 'string' ? etag.replace('W/', '') : etag },
    notes: seen.notes.map(String).toSorted(),
    events: seen.events.toSorted(),
  };
}

describe('the response tap keeps what Node and Express show', () => {
  for (const [what, { run, ask, cut = false }] of Object.entries(SCENARIOS)) {
    test(`of ${what}`, async () => {
      const bare = await observe(BARE, run, ask);
      for (const variant of VARIANTS) {
        const { seen, doneTimes } = await observe(variant, run, ask);
        const compare = (one: Observation): unknown =>
          variant.codes ? besidesCoding(one, cut) : one;
        expect({ with: variant.name, seen: compare(seen) }).toEqual({
          with: variant.name,
          seen: compare(bare.seen),
        });
        expect(doneTimes).toBe(1);
      }
    });
  }
});

describe('done', () => {
  test.each(['at once', 'in the body'] as const)(
    'fires once when the client cuts %s',
    async (cut) => {
      const scenario: Scenario = (_req, res) => {
        if (cut === 'in the body') res.write('begun');
      };
      for (const variant of VARIANTS) {
        const { exchange, doneTimes, calls } = await observe(variant, scenario, { cut });
        expect(doneTimes).toBe(1);
        expect(exchange?.aborted).toBe(true);
        // A sink that has begun is told; one that never began has nothing to forget.
        const began = variant.name === 'capture' && cut === 'in the body';
        expect(calls.capturedAbort >= (began ? 1 : 0)).toBe(true);
        expect(calls.capturedEnd).toBe(0);
      }
    },
  );

  test('tells bytes as they went out, after coding, and none where there is no body', async () => {
    const gzip = VARIANTS.find(({ name }) => name === 'gzip in one call')!;
    const plain = VARIANTS.find(({ name }) => name === 'done')!;
    const send: Scenario = (_req, res) => void res.send(TEXT);
    expect((await observe(plain, send)).exchange?.bytes).toBe(TEXT.length);
    const coded = (await observe(gzip, send)).exchange!.bytes;
    expect(coded).toBeGreaterThan(20);
    expect(coded).toBeLessThan(TEXT.length / 4);
    expect((await observe(plain, send, { method: 'HEAD' })).exchange?.bytes).toBe(0);
  });

  test('fires for pipelined responses that never get their turn', async () => {
    const recorder = recordExchanges();
    const app = express().use(recorder.middleware as RequestHandler);
    let arrived: () => void = () => undefined;
    const second = new Promise<void>((resolve) => (arrived = resolve));
    app.get('/first', () => undefined);
    app.get('/second', (_req, res) => {
      res.send('waits for the first');
      arrived();
    });
    const { port, close } = await serve(app);
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n');
    await second;
    socket.destroy();
    const settled = await recorder.waitFor(2);
    expect(settled.map(({ aborted }) => aborted)).toEqual([true, true]);
    await close();
  });
});

/** Serves one route with the given middlewares' stages, mounted in this order. */
async function withStages(
  handlers: readonly StageHandlers[],
  route: (req: Request, res: Response) => void,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const app = express();
  for (const [at, one] of handlers.entries()) {
    const stages = defineStages(one);
    const middleware = defineMiddleware({
      name: `m${at}`,
      phase: 'shape',
      step: (exchange) => exchange.tap(stages),
    });
    app.use(middleware as RequestHandler);
  }
  app.get('/', route);
  const { url, close } = await serve(app);
  try {
    await use(url);
  } finally {
    await close();
  }
}

describe('stages', () => {
  test('run in their fixed order, whatever the mount order, and innermost first within one', async () => {
    const stagesOf = (name: string, log: string[]): StageHandlers => ({
      transform: (value) => (log.push(`transform ${name}`), value),
      capture: () => (log.push(`capture ${name}`), undefined),
      conditional: () => void log.push(`conditional ${name}`),
      encode: () => (log.push(`encode ${name}`), undefined),
      head: () => void log.push(`head ${name}`),
      done: () => void log.push(`done ${name}`),
    });
    const log: string[] = [];
    await withStages(
      [stagesOf('outer', log), stagesOf('inner', log)],
      (_req, res) => void res.json({}),
      async (url) => {
        await (await fetch(url)).text();
      },
    );
    expect(log).toEqual(
      ['transform', 'capture', 'conditional', 'encode', 'head', 'done'].flatMap((stage) => [
        `${stage} inner`,
        `${stage} outer`,
      ]),
    );
  });

  test('capture sees identity bytes, and the client the coded ones with their true length', async () => {
    const captured: Buffer[] = [];
    const coding = VARIANTS.find(({ name }) => name === 'gzip in one call')!.stages!({} as never);
    const capture: StageHandlers = {
      capture: () => ({
        write: (chunk) => void captured.push(chunk),
        end: () => undefined,
        abort: () => undefined,
      }),
    };
    await withStages(
      [coding, capture],
      (_req, res) => void res.json({ TEXT }),
      async (url) => {
        const answer = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
        expect(answer.headers.get('content-encoding')).toBe('gzip');
        expect(await answer.json()).toEqual({ TEXT });
        expect(Buffer.concat(captured).toString()).toBe(JSON.stringify({ TEXT }));
      },
    );
  });

  test('a transformed value has the length and the ETag of what is sent', async () => {
    const wrap: StageHandlers = { transform: (value) => ({ data: value }) };
    await withStages(
      [wrap],
      (_req, res) => void res.json({ a: 1 }),
      async (url) => {
        const answer = await fetch(url);
        const body = await answer.text();
        expect(body).toBe('{"data":{"a":1}}');
        expect(answer.headers.get('content-length')).toBe(String(body.length));
        const again = await fetch(url, {
          headers: { 'if-none-match': answer.headers.get('etag')!, 'cache-control': 'max-age=0' },
        });
        expect(again.status).toBe(304);
      },
    );
  });

  test('a condition drops the body and its length', async () => {
    const notModified: StageHandlers = {
      conditional: (head) => {
        head.status = 304;
        return true;
      },
    };
    await withStages(
      [notModified],
      (_req, res) => void res.type('text').end(TEXT),
      async (url) => {
        const answer = await fetch(url);
        expect([answer.status, answer.statusText, await answer.text()]).toEqual([
          304,
          'Not Modified',
          '',
        ]);
        expect(answer.headers.get('content-length')).toBeNull();
      },
    );
    const failed: StageHandlers = {
      conditional: (head) => {
        head.status = 412;
        return true;
      },
    };
    await withStages(
      [failed],
      (_req, res) => {
        res.write('in ');
        res.end('parts');
      },
      async (url) => {
        const answer = await fetch(url);
        expect([answer.status, await answer.text()]).toEqual([412, '']);
      },
    );
  });

  test('a strong validator does not outlive a coding (RFC 9110 §8.8.3.3)', async () => {
    const coding = VARIANTS.find(({ name }) => name === 'gzip in one call')!.stages!({} as never);
    await withStages(
      [coding],
      (_req, res) => void res.set('ETag', '"strong"').send(TEXT),
      async (url) => {
        expect((await fetch(url)).headers.get('etag')).toBe('W/"strong"');
      },
    );
  });

  test('what a stage sets last stands', async () => {
    const outer: StageHandlers = { head: (head) => head.set('X-Word', 'outer') };
    const inner: StageHandlers = { head: (head) => head.set('X-Word', 'inner') };
    await withStages(
      [outer, inner],
      (_req, res) => void res.set('X-Word', 'handler').send(),
      async (url) => {
        expect((await fetch(url)).headers.get('x-word')).toBe('outer');
      },
    );
  });

  test.each([
    [undefined, 'Accept, Origin'],
    ['accept', 'accept, Origin'],
    ['Accept,  Cookie', 'Accept, Cookie, Origin'],
    ['*', '*'],
  ])('a list of %s gets each member once', async (present, expected) => {
    const adding: StageHandlers = { head: (head) => head.addToList('Vary', 'Accept', 'Origin') };
    const route = (_req: Request, res: Response): void => {
      if (present !== undefined) res.set('Vary', present);
      res.send('ok');
    };
    await withStages([adding], route, async (url) => {
      expect((await fetch(url)).headers.get('vary')).toBe(expected);
    });
  });

  test('server-sent events arrive at once, through an encoder too', async () => {
    const coding = VARIANTS.find(({ name }) => name === 'every stage and gzip')!.stages!({
      captured: [],
    } as never);
    let finish: () => void = () => undefined;
    await withStages(
      [coding],
      (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.write('data: one\n\n');
        finish = () => res.end('data: two\n\n');
      },
      async (url) => {
        const reader = (await fetch(url)).body!.getReader();
        const first = await reader.read();
        expect(Buffer.from(first.value as Uint8Array).toString()).toBe('data: one\n\n');
        finish();
        const second = await reader.read();
        expect(Buffer.from(second.value as Uint8Array).toString()).toBe('data: two\n\n');
      },
    );
  });

  test.each(['capture', 'conditional', 'encode', 'head', 'done'] as const)(
    'a %s stage that throws is reported and left out of the answer',
    async (stage) => {
      const faults: unknown[] = [];
      const listen = (message: unknown): void => void faults.push(message);
      subscribe(FAULT_CHANNEL, listen);
      const broken: StageHandlers = {
        [stage]: () => {
          throw new Error(`broken ${stage}`);
        },
      };
      await withStages(
        [{ done: () => undefined }, broken],
        (_req, res) => void res.send(TEXT),
        async (url) => {
          expect(await (await fetch(url)).text()).toBe(TEXT);
        },
      );
      unsubscribe(FAULT_CHANNEL, listen);
      expect(faults).toMatchObject([{ where: stage, error: { message: `broken ${stage}` } }]);
    },
  );

  test('a transform that throws reaches the error handlers', async () => {
    const broken: StageHandlers = {
      transform: () => {
        throw Object.assign(new Error('cannot shape this'), { status: 422, expose: true });
      },
    };
    await withStages(
      [broken],
      (_req, res) => void res.json({}),
      async (url) => {
        expect((await fetch(url)).status).toBe(422);
      },
    );
  });

  test('a coding in the thread pool that fails leaves the identity body', async () => {
    const faults: unknown[] = [];
    const listen = (message: unknown): void => void faults.push(message);
    subscribe(FAULT_CHANNEL, listen);
    const failing: StageHandlers = {
      encode: () => ({ coding: 'gzip', body: Promise.reject(new Error('no memory')) }),
    };
    await withStages(
      [failing],
      (_req, res) => void res.send(TEXT),
      async (url) => {
        const answer = await fetch(url);
        expect(answer.headers.get('content-encoding')).toBeNull();
        expect(await answer.text()).toBe(TEXT);
      },
    );
    unsubscribe(FAULT_CHANNEL, listen);
    expect(faults).toHaveLength(1);
  });
});

describe('the tap', () => {
  test('leaves nothing on a response, and reaches it once, however many components take part', async () => {
    const app = express();
    const many = Array.from({ length: 20 }, (_, at) => {
      const stages = defineStages({ done: () => undefined, head: () => undefined });
      return defineMiddleware({
        name: `m${at}`,
        phase: 'observe',
        step: (exchange) => exchange.tap(stages),
      });
    });
    app.use(many as RequestHandler[]);
    const own: string[][] = [];
    app.get('/', (_req, res) => {
      own.push(
        Object.keys(res).filter(
          (key) => typeof res[key as keyof Response] === 'function' && key !== '_onPendingData',
        ),
      );
      own.push([String(res.listenerCount('close')), String(res.listenerCount('finish'))]);
      res.send('ok');
    });
    const { url, close } = await serve(app);
    await fetch(url);
    await fetch(url);
    const bare: string[][] = [];
    const plain = await serve(
      express().get('/', (_req, res) => {
        bare.push([String(res.listenerCount('close') + 1), String(res.listenerCount('finish'))]);
        res.send('ok');
      }),
    );
    await fetch(plain.url);
    expect(own[3]).toEqual(bare[0]);
    expect(own[2]).toEqual([]);
    await close();
    await plain.close();
  });

  test('serves apps mounted in apps', async () => {
    const log: string[] = [];
    const stages = defineStages({
      head: (head) => head.set('X-Tap', '1'),
      done: () => void log.push('done'),
    });
    const tapping = defineMiddleware({
      name: 'tapping',
      phase: 'shape',
      step: (exchange) => exchange.tap(stages),
    });
    const inner = express().get('/', (_req, res) => void res.send('inner'));
    const app = express()
      .use(tapping as RequestHandler)
      .use('/inner', inner);
    const lone = express().use(
      '/inner',
      express()
        .use(tapping as RequestHandler)
        .get('/', (_req, res) => void res.send('inner')),
    );
    for (const one of [app, lone]) {
      const { url, close } = await serve(one);
      const answer = await fetch(`${url}/inner`);
      expect([answer.headers.get('x-tap'), await answer.text()]).toEqual(['1', 'inner']);
      await close();
    }
    expect(log).toEqual(['done', 'done']);
  });

  test('reaches apps that stand in routers, to which Express gives a prototype of their own', async () => {
    const log: unknown[] = [];
    const stages = defineStages({
      head: (head) => head.set('X-Tap', '1'),
      done: ({ bytes }) => void log.push(bytes),
    });
    const tapping = defineMiddleware({
      name: 'tapping',
      phase: 'shape',
      step: (exchange) => exchange.tap(stages),
    });
    const deep = express().get('/', (_req, res) => void res.send('deep'));
    const nested = express()
      .get('/', (_req, res) => void res.send('inner'))
      .use('/further', express.Router().use('/deep', deep));
    const router = express.Router().use('/nested', express.Router().use('/app', nested));
    const { url, close } = await serve(
      express()
        .use(tapping as RequestHandler)
        .use('/in', router),
    );
    for (const [path, text] of [
      ['/in/nested/app', 'inner'],
      ['/in/nested/app/further/deep', 'deep'],
    ] as const) {
      const answer = await fetch(url + path);
      expect([answer.headers.get('x-tap'), await answer.text()]).toEqual(['1', text]);
    }
    await close();
    expect(log).toEqual([5, 4]);
  });

  test('serves a plain node:http response without Express', async () => {
    const log: unknown[] = [];
    const stages = defineStages({
      head: (head) => head.set('X-Tap', '1'),
      done: ({ bytes }) => void log.push(bytes),
    });
    const { url, close } = await serve(
      createServer((req, res) => {
        exchangeOf(req as Request, res as Response).tap(stages);
        res.end('plain');
      }),
    );
    const answer = await fetch(url);
    expect([answer.headers.get('x-tap'), await answer.text()]).toEqual(['1', 'plain']);
    await close();
    expect(log).toEqual([5]);
  });
});
