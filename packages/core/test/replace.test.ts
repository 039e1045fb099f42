import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import express, { type Express, type RequestHandler, type Response } from 'express';

import {
  defineMiddleware,
  defineStages,
  type Exchange,
  FAULT_CHANNEL,
  type ResponseHead,
  type StageHandlers,
} from '@org/core';
import { recordExchanges, serve } from '@org/core/testing';

import { observe, type Scenario, type Variant } from './response-observer.ts';

const BODY = Buffer.from('stored '.repeat(300));
const BLOCK = Buffer.alloc(65_536, 'x');

const replacing: StageHandlers = {
  replace: (head) => {
    head.status = 203;
    head.set('X-Stored', '1');
    return BODY;
  },
};
const gzipNow: StageHandlers = {
  encode: (_head, body) => ({ coding: 'gzip', body: gzipSync(body) }),
  encoder: () => ({ coding: 'gzip', stream: createGzip() }),
};
const gzipLater: StageHandlers = {
  ...gzipNow,
  encode: (_head, body) => ({
    coding: 'gzip',
    body: new Promise((resolve) => setImmediate(() => resolve(gzipSync(body)))),
  }),
};

/** Companies in which the replacing stage must work. */
const VARIANTS: readonly Variant[] = [
  { name: 'replace alone', stages: () => replacing },
  {
    name: 'replace before every other stage',
    stages: (calls) => ({
      ...replacing,
      transform: (value) => value,
      capture: () => ({
        write: (chunk) => void calls.captured.push(Buffer.from(chunk)),
        end: () => void calls.capturedEnd++,
        abort: () => void calls.capturedAbort++,
      }),
      conditional: () => undefined,
      head: () => void calls.head++,
    }),
  },
  { name: 'replace and gzip', stages: () => ({ ...replacing, ...gzipNow }), codes: true },
  {
    name: 'replace and gzip in the thread pool',
    stages: () => ({ ...replacing, ...gzipLater }),
    codes: true,
  },
];

/** Every way in which a handler may answer. */
const ANSWERS: Record<string, Scenario> = {
  'end with a body': (_req, res) => void res.end('handler'),
  'end alone': (_req, res) => void res.end(),
  'end with only a callback': (_req, res, note) => void res.end(() => note('ended')),
  'res.json': (_req, res) => void res.json({ handler: true }),
  'res.send': (_req, res) => void res.send('handler'),
  'res.send of a 204': (_req, res) => void res.status(204).send('ignored'),
  'res.sendStatus of a 304': (_req, res) => void res.sendStatus(304),
  'res.sendFile': (_req, res) => res.sendFile(join(process.cwd(), 'LICENSE')),
  'writeHead with an object, writes and end': (_req, res) => {
    res.writeHead(500, { 'Content-Length': 6, 'Content-Type': 'text/plain' });
    res.write('abc');
    res.end('def');
  },
  'writeHead with a reason and an array': (_req, res) => {
    res.writeHead(500, 'Broken', ['Transfer-Encoding', 'chunked', 'X-One', '1'] as never);
    res.write('abc');
    res.end();
  },
  'writeHead and end in a chain': (_req, res) =>
    void res.writeHead(500, { 'Content-Length': '7' }).end('handler'),
  flushHeaders: (_req, res) => {
    res.flushHeaders();
    res.flushHeaders();
    res.end('later');
  },
  'empty writes': (_req, res) => {
    res.write('');
    res.write(Buffer.alloc(0));
    res.write('a');
    res.write('');
    res.end('');
  },
  'trailers that were announced': (_req, res) => {
    res.setHeader('Trailer', 'X-Sum');
    res.write('body');
    res.addTrailers({ 'X-Sum': '42' });
    res.end();
  },
  'a corked response': (_req, res) => {
    res.cork();
    res.write('a');
    res.write('b');
    res.uncork();
    res.end();
  },
  'writes that wait for drain': (_req, res) => {
    let left = 40;
    const next = (): void => {
      while (left-- > 0) if (!res.write(BLOCK)) return void res.once('drain', next);
      res.end();
    };
    next();
  },
  'writes and ends after the end': (_req, res) => {
    res.end('one');
    res.write('two');
    res.write('');
    res.end('three');
    res.end();
  },
  'a pipe of a large stream': (_req, res) =>
    void Readable.from(Array.from({ length: 64 }, () => BLOCK)).pipe(res),
  'an endless stream': (_req, res) =>
    void new Readable({
      read() {
        this.push(BLOCK);
      },
    }).pipe(res),
  'a stream that never ends and brings nothing': (_req, res) => void res.write('begun'),
  'writes that call each other for ever': (_req, res) => {
    const next = (): void => {
      if (!res.closed) res.write('again', next);
    };
    next();
  },
};

describe('a replaced answer is sent whole, whatever the handler does', () => {
  for (const [what, run] of Object.entries(ANSWERS)) {
    test.each(VARIANTS)(`${what}, with $name`, async (variant) => {
      const { seen, exchange, doneTimes, calls } = await observe(variant, run);
      expect(seen).toMatchObject({
        status: 203,
        reason: 'Non-Authoritative Information',
        body: BODY.toString(),
        aborted: false,
        trailers: {},
        events: ['finish', 'close'],
      });
      const length = variant.codes ? gzipSync(BODY).length : BODY.length;
      expect(seen.headers).toMatchObject({ 'content-length': String(length), 'x-stored': '1' });
      expect(Object.keys(seen.headers)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(transfer-encoding|trailer)$/)]),
      );
      expect([doneTimes, exchange?.aborted, exchange?.bytes]).toEqual([1, false, length]);
      const whole = variant.name === 'replace before every other stage';
      expect(calls).toMatchObject(
        whole
          ? { captured: [BODY], capturedEnd: 1, capturedAbort: 0, head: 1 }
          : { captured: [], capturedEnd: 0, capturedAbort: 0, head: 0 },
      );
    });

    test.each(VARIANTS)(`${what}, to HEAD, with $name`, async (variant) => {
      const { seen, exchange, doneTimes } = await observe(variant, run, { method: 'HEAD' });
      expect(seen).toMatchObject({ status: 203, body: '', events: ['finish', 'close'] });
      // What GET would say (RFC 9110 §9.3.2), or nothing where an encoder would tell.
      const length = variant.codes ? undefined : String(BODY.length);
      expect(seen.headers['content-length']).toBe(length);
      expect([doneTimes, exchange?.aborted, exchange?.bytes]).toEqual([1, false, 0]);
    });
  }

  test.each(VARIANTS)('callbacks of what is swallowed are called, with $name', async (variant) => {
    const { seen } = await observe(variant, (_req, res, note) => {
      res.write('one', () => note('first write'));
      res.write(Buffer.from('two'), 'utf8', () => note('second write'));
      res.write('', (error) => note(error ?? 'empty write'));
      res.end('three', () => note('end'));
      res.end(() => note('second end'));
    });
    expect(seen.notes.map(String).toSorted()).toEqual([
      'empty write',
      'end',
      'first write',
      'second end',
      'second write',
    ]);
    expect(seen.events).toEqual(['finish', 'close']);
  });

  test.each(VARIANTS)(
    'a callback of an end after the finish is called, with $name',
    async (variant) => {
      const { seen } = await observe(variant, (_req, res, note) => {
        res.write('one');
        res.once('finish', () => res.end('two', () => note('ended')));
      });
      expect(seen.notes).toEqual(['ended']);
    },
  );

  test.each(VARIANTS)(
    'to the handler the head is sent and the response ended, with $name',
    async (variant) => {
      const { seen } = await observe(variant, (_req, res, note) => {
        res.write('one');
        note([res.headersSent, res.writableEnded]);
        try {
          res.writeHead(201);
        } catch (error) {
          note((error as { code: string }).code);
        }
        res.end();
      });
      expect(seen.notes).toEqual([[true, true], 'ERR_HTTP_HEADERS_SENT']);
      expect(seen.status).toBe(203);
    },
  );

  test('a stage that declines leaves the answer as it is, however it comes', async () => {
    const declining: Variant = { name: 'declining', stages: () => ({ replace: () => undefined }) };
    const parts = await observe(declining, (_req, res) => {
      res.write('one ');
      res.write('');
      res.end('two');
    });
    expect([
      parts.seen.body,
      parts.seen.headers['transfer-encoding'],
      parts.exchange?.bytes,
    ]).toEqual(['one two', 'chunked', 7]);
    const whole = await observe(declining, (_req, res) => void res.end('whole'));
    expect([whole.seen.body, whole.seen.headers['content-length']]).toEqual(['whole', '5']);
  });
});

/** Serves one route behind the given stages, mounted in this order. */
async function withStages(
  handlers: readonly StageHandlers[],
  route: (res: Response) => void,
  use: (url: string, settled: () => Promise<Exchange>) => Promise<void>,
  serverOptions: object = {},
): Promise<void> {
  const recorder = recordExchanges();
  const app = express().use(recorder.middleware as RequestHandler);
  for (const [at, one] of handlers.entries()) app.use(tapping(one, `m${at}`));
  app.get('/', (_req, res) => route(res));
  const { url, close } = await serve(createServer(serverOptions, app as RequestListener));
  try {
    await use(url, async () => (await recorder.waitFor(1))[0]!);
  } finally {
    await close();
  }
}

function tapping(handlers: StageHandlers, name: string = 'tapping'): RequestHandler {
  const stages = defineStages(handlers);
  return defineMiddleware({
    name,
    phase: 'shape',
    step: (exchange) => exchange.tap(stages),
  }) as RequestHandler;
}

/** The two ways in which an answer reaches the stages. */
const ROUTES: [string, (res: Response) => void][] = [
  ['whole', (res) => void res.status(500).set('Content-Length', '7').end('handler')],
  [
    'in parts',
    (res) => {
      res.status(500).set('Content-Length', '7').write('han');
      res.end('dler');
    },
  ],
];

describe.each(ROUTES)('of an answer that comes %s', (_how, route) => {
  test.each([204, 304])(
    'a replacement with status %s carries neither body nor length (RFC 9110 §8.6, §15.3.5, §15.4.5)',
    async (status) => {
      const stage: StageHandlers = {
        replace: (head) => {
          head.status = status;
          return Buffer.from('never sent');
        },
      };
      await withStages(
        [stage],
        route,
        async (url, settled) => {
          const answer = await fetch(url);
          expect([
            answer.status,
            answer.headers.get('content-length'),
            await answer.text(),
          ]).toEqual([status, null, '']);
          expect(answer.headers.get('transfer-encoding')).toBeNull();
          expect(await settled()).toMatchObject({ bytes: 0, aborted: false });
        },
        { rejectNonStandardBodyWrites: true },
      );
    },
  );

  test('a length told for HEAD by the stage stands, the handler’s does not (RFC 9110 §8.6)', async () => {
    for (const told of ['1234', undefined]) {
      const stage: StageHandlers = {
        replace: (head) => {
          if (told !== undefined) head.set('Content-Length', told);
          return Buffer.alloc(0);
        },
      };
      await withStages([stage], route, async (url) => {
        const answer = await fetch(url, { method: 'HEAD' });
        expect(answer.headers.get('content-length')).toBe(told ?? null);
      });
    }
  });

  test('an empty replacement has the length 0', async () => {
    await withStages([{ replace: () => Buffer.alloc(0) }], route, async (url, settled) => {
      const answer = await fetch(url);
      expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
        500,
        '0',
        '',
      ]);
      expect(await settled()).toMatchObject({ bytes: 0, aborted: false });
    });
  });

  test('the stages behind see the replacement, and it alone', async () => {
    const log: unknown[] = [];
    const seen = (where: string, head: ResponseHead, body?: Buffer): void =>
      void log.push([where, head.status, Number(head.get('Content-Length')), body?.toString()]);
    const looking: StageHandlers = {
      capture: (head) => {
        seen('capture', head);
        return {
          write: (chunk) => void log.push(['captured', chunk.toString()]),
          end: () => void log.push('captured whole'),
          abort: () => void log.push('cut off'),
        };
      },
      conditional: (head, body) => seen('conditional', head, body),
      encode: (head, body) => (seen('encode', head, body), undefined),
      encoder: () => (log.push('encoder'), undefined),
      head: (head) => seen('head', head),
    };
    await withStages([looking, replacing], route, async (url) => {
      expect(await (await fetch(url)).text()).toBe(BODY.toString());
    });
    const [length, text] = [BODY.length, BODY.toString()];
    expect(log).toEqual([
      ['capture', 203, length, undefined],
      ['captured', text],
      'captured whole',
      ['conditional', 203, length, text],
      ['encode', 203, length, text],
      ['head', 203, length, undefined],
    ]);
  });

  test.each([
    [304, null],
    [412, '0'],
  ])('a condition on a replacement answers %s and keeps the connection', async (status, length) => {
    const condition: StageHandlers = {
      conditional: (head) => {
        head.status = status;
        return true;
      },
    };
    await withStages([condition, replacing], route, async (url, settled) => {
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([status, '']);
      expect(answer.headers.get('content-length')).toBe(length);
      expect(answer.headers.get('connection')).toBe('keep-alive');
      expect(await settled()).toMatchObject({ bytes: 0, aborted: false });
    });
  });

  test('several stages act innermost first, each on the head before it, and the last body wins', async () => {
    const stage = (name: string, body: string | undefined): StageHandlers => ({
      replace: (head) => {
        head.set('X-Seen', `${String(head.get('X-Seen') ?? head.status)} ${name}`);
        head.status = 200;
        return body === undefined ? undefined : Buffer.from(body);
      },
    });
    await withStages(
      [
        stage('outer', undefined),
        stage('middle', 'from the middle'),
        stage('inner', 'from within'),
      ],
      route,
      async (url) => {
        const answer = await fetch(url);
        expect(answer.headers.get('x-seen')).toBe('500 inner middle outer');
        expect(await answer.text()).toBe('from the middle');
        expect(answer.headers.get('content-length')).toBe('15');
      },
    );
  });

  test('a stage that throws is reported and left out, another one’s body stands', async () => {
    const faults: unknown[] = [];
    const listen = (message: unknown): void => void faults.push(message);
    subscribe(FAULT_CHANNEL, listen);
    const broken: StageHandlers = {
      replace: () => {
        throw new Error('broken replace');
      },
    };
    await withStages([broken], route, async (url) => {
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([500, 'handler']);
    });
    await withStages([broken, replacing], route, async (url) => {
      expect(await (await fetch(url)).text()).toBe(BODY.toString());
    });
    unsubscribe(FAULT_CHANNEL, listen);
    expect(faults).toMatchObject([
      { where: 'replace', error: { message: 'broken replace' } },
      { where: 'replace', error: { message: 'broken replace' } },
    ]);
  });

  test('a strong validator of a coded replacement becomes weak (RFC 9110 §8.8.3.3)', async () => {
    for (const coding of [gzipNow, gzipLater]) {
      const stage: StageHandlers = {
        replace: (head) => {
          head.set('ETag', '"strong"');
          return BODY;
        },
      };
      await withStages([coding, stage], route, async (url) => {
        const answer = await fetch(url, { headers: { connection: 'close' } });
        expect(answer.headers.get('etag')).toBe('W/"strong"');
        expect(await answer.text()).toBe(BODY.toString());
      });
    }
  });

  test('the connection serves on, with the answer of the next request in its place', async () => {
    await withStages([gzipLater, replacing], route, async (url) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.write(
        'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      );
      await once(socket, 'close');
      const wire = Buffer.concat(chunks).toString('latin1');
      const answers = wire.split('HTTP/1.1 203 Non-Authoritative Information\r\n').slice(1);
      const bodies = answers.map((one) => one.slice(one.indexOf('\r\n\r\n') + 4));
      expect(bodies.map((one) => gunzipSync(Buffer.from(one, 'latin1')).toString())).toEqual([
        BODY.toString(),
        BODY.toString(),
      ]);
    });
  });
});

describe('methods patched on a response', () => {
  /** Patches as libraries make them: around the method that stands there. */
  function patching(
    names: readonly ('write' | 'end' | 'writeHead')[],
    log: string[],
  ): RequestHandler {
    return (_req, res, next) => {
      const methods = res as unknown as Record<string, (...args: unknown[]) => unknown>;
      for (const name of names) {
        const original = methods[name]!;
        methods[name] = function (this: Response, ...args: unknown[]) {
          log.push(name);
          return original.apply(this, args);
        };
      }
      next();
    };
  }

  const NAMES = [
    ['end'],
    ['write'],
    ['writeHead'],
    ['write', 'end'],
    ['write', 'end', 'writeHead'],
  ] as const;

  async function askTwice(
    build: (app: Express) => void,
    answer: (res: Response) => void,
  ): Promise<void> {
    const recorder = recordExchanges();
    const app = express();
    build(app);
    app.use(recorder.middleware as RequestHandler, tapping(replacing));
    build(app);
    app.get('/', (_req, res) => answer(res));
    const { url, close } = await serve(app);
    // The first request finds an app whose prototype is not tapped yet, the second one that is.
    for (const times of [1, 2]) {
      const got = await fetch(url, { headers: { connection: 'close' } });
      expect([got.status, await got.text()]).toEqual([203, BODY.toString()]);
      const settled = await recorder.waitFor(times);
      expect(settled[times - 1]).toMatchObject({ bytes: BODY.length, aborted: false });
    }
    await close();
  }

  test.each(NAMES.map((names) => ({ names })))(
    'before and behind the tap reach a replaced answer: $names',
    async ({ names }) => {
      const log: string[] = [];
      for (const [, route] of ROUTES) {
        await askTwice((app) => void app.use(patching(names, log)), route);
      }
      for (const name of names) expect(log).toContain(name);
    },
  );

  test('before the tap existed are told of, because they may set headers behind its stages', async () => {
    const recorder = recordExchanges();
    const app = express().use(patching(['writeHead'], []));
    app.use(recorder.middleware as RequestHandler, tapping({}));
    app.get('/', (_req, res) => void res.end());
    const { url, close } = await serve(app);
    for (const times of [1, 2]) {
      await fetch(url, { headers: { connection: 'close' } });
      const settled = await recorder.waitFor(times);
      // From the second response on patches find the tap there, and stand above it.
      expect(settled[times - 1]!.patchedBefore).toBe(times === 1);
    }
    await close();
  });

  test('before the tap count a body once', async () => {
    for (const names of NAMES) {
      const captured: string[] = [];
      const recorder = recordExchanges();
      const app = express().use(patching(names, []), recorder.middleware as RequestHandler);
      app.use(
        tapping({
          capture: () => ({
            write: (chunk) => void captured.push(chunk.toString()),
            end: () => void captured.push('whole'),
            abort: () => undefined,
          }),
        }),
      );
      app.get('/', (_req, res) => {
        res.write('one ');
        res.end('two');
      });
      const { url, close } = await serve(app);
      expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toBe('one two');
      const [exchange] = await recorder.waitFor(1);
      expect([captured, exchange!.bytes]).toEqual([['one ', 'two', 'whole'], 7]);
      await close();
    }
  });
});
