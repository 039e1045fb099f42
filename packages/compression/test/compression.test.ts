/** Answers in the codings that clients accept, through a real server. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, request, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { cache } from '@org/cache';
import type { Middleware } from '@org/core';
import { serve } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  type AnyOptions,
  compression,
  type CompressionEvent,
  precompressed,
} from '@org/compression';
import express, { type Express } from 'express';

import { type Answer, ask, askBytes, begin, CODINGS, decode, decoderOf } from './asking.ts';

const TEXT = 'All work and no play makes Jack a dull boy. '.repeat(100);
type Asking = (
  path: string,
  acceptEncoding?: string,
  headers?: Record<string, string>,
  method?: string,
) => Promise<Answer>;

/** Serves these routes behind a compression of these options. */
async function served(
  options: AnyOptions | undefined,
  routes: (app: Express) => void,
  use: (asking: Asking, middleware: Middleware) => Promise<void>,
): Promise<void> {
  const middleware = compression(options);
  const app = express();
  app.use(middleware);
  routes(app);
  const { url, close } = await serve(app);
  try {
    await use(
      (path, acceptEncoding, headers = {}, method = 'GET') =>
        ask(
          url + path,
          {
            ...(acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding }),
            ...headers,
          },
          method,
        ),
      middleware,
    );
  } finally {
    await close();
  }
}

const texts = (app: Express): void => {
  app.get('/text', (_req, res) => void res.type('text').send(TEXT));
  app.get('/json', (_req, res) => void res.json({ text: TEXT }));
  app.get('/small', (_req, res) => void res.json({ small: true }));
  app.get('/image', (_req, res) => void res.type('png').send(Buffer.from(TEXT)));
  app.get('/stream', (_req, res) => void Readable.from([TEXT, TEXT]).pipe(res.type('text')));
  app.get('/empty', (_req, res) => void res.status(204).end());
  app.get(
    '/coded',
    (_req, res) => void res.type('text').set('Content-Encoding', 'gzip').send(zlib.gzipSync(TEXT)),
  );
  app.get(
    '/as-it-is',
    (_req, res) => void res.type('text').set('Cache-Control', 'no-transform').send(TEXT),
  );
  app.get('/some', (_req, res) => void res.status(206).type('text').send(TEXT));
  app.get(
    '/called-part',
    (_req, res) => void res.type('text').set('Content-Range', 'bytes 0-4399/4400').send(TEXT),
  );
  app.get(
    '/digest',
    (_req, res) => void res.type('text').set('Content-Digest', 'sha-256=:AA==:').send(TEXT),
  );
  app.get(
    '/part',
    (_req, res) =>
      void res.status(206).type('text').set('Content-Range', 'bytes 0-4399/9999').send(TEXT),
  );
};

describe.each(CODINGS)('in %s', (coding) => {
  test('whole bodies are sent in one piece with their length, streams in parts', async () => {
    await served(undefined, texts, async (asking) => {
      for (const path of ['/text', '/json', '/stream']) {
        const { status, headers, bytes, text } = await asking(path, coding);
        expect([path, status, headers['content-encoding']]).toEqual([path, 200, coding]);
        expect(text).toContain(TEXT);
        expect(bytes.length).toBeLessThan(TEXT.length / 4);
        expect(headers.vary).toBe('Accept-Encoding');
        const isStream = path === '/stream';
        expect(headers['transfer-encoding']).toBe(isStream ? 'chunked' : undefined);
        expect(headers['content-length']).toBe(isStream ? undefined : String(bytes.length));
      }
    });
  });

  test('large bodies are coded in the thread pool, and are whole', async () => {
    const large = randomBytes(150_000).toString('base64');
    await served(
      {},
      (app) => app.get('/', (_req, res) => void res.json({ large })),
      async (asking, middleware) => {
        const { text, headers } = await asking('/', coding);
        expect(headers['content-encoding']).toBe(coding);
        expect(JSON.parse(text)).toEqual({ large });
        expect(middleware.stats?.()).toMatchObject({ codedTotal: { [coding]: 1 }, running: 0 });
      },
    );
  });

  test('HEAD gets the head of GET, and no body (RFC 9110 §9.3.2)', async () => {
    await served(undefined, texts, async (asking) => {
      const { headers, bytes } = await asking('/text', coding, {}, 'HEAD');
      expect(headers['content-encoding']).toBe(coding);
      expect(headers.vary).toBe('Accept-Encoding');
      expect(bytes).toHaveLength(0);
    });
  });
});

describe('what the client accepts (RFC 9110 §12.5.3)', () => {
  test.each<[string | undefined, string | undefined]>([
    ['gzip, br', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['gzip;q=0, deflate', 'deflate'],
    ['gzip;q=0', undefined],
    ['*;q=0', undefined],
    ['identity', undefined],
    ['identity;q=0.5, gzip;q=0.1', undefined],
    ['x-gzip', 'gzip'],
    ['bogus', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j gets %j, and every answer varies by it', async (accepts, coding) => {
    await served({ codings: ['br', 'gzip', 'deflate'] }, texts, async (asking) => {
      const { headers, text } = await asking('/text', accepts);
      expect(headers['content-encoding']).toBe(coding);
      expect(headers.vary).toBe('Accept-Encoding');
      expect(text).toBe(TEXT);
    });
  });

  test('a client that refuses the identity gets even a small body coded', async () => {
    await served(undefined, texts, async (asking) => {
      const { headers } = await asking('/small', 'gzip, identity;q=0');
      expect(headers['content-encoding']).toBe('gzip');
    });
  });

  test('a client that refuses the identity gets even dense bytes coded', async () => {
    const dense = randomBytes(5000);
    await served(
      undefined,
      (app) => app.get('/', (_req, res) => void res.type('text').send(dense)),
      async (asking) => {
        const { headers, bytes } = await asking('/', 'gzip, identity;q=0');
        expect(headers['content-encoding']).toBe('gzip');
        expect(zlib.gunzipSync(bytes).equals(dense)).toBe(true);
      },
    );
  });

  test('a coding may be set for requests that state nothing', async () => {
    await served({ enforceEncoding: 'gzip' }, texts, async (asking) => {
      expect((await asking('/text')).headers['content-encoding']).toBe('gzip');
      expect((await asking('/text', 'identity')).headers['content-encoding']).toBeUndefined();
    });
  });
});

/** Encoders close in a turn of their own. */
async function untilIdle(middleware: Middleware): Promise<void> {
  for (let turn = 0; turn < 10_000 && middleware.stats!()['streams'] !== 0; turn++) {
    await new Promise(setImmediate);
  }
  expect(middleware.stats?.()).toMatchObject({ streams: 0 });
}

function skippedBy(middleware: Middleware): Readonly<Record<string, number>> {
  return middleware.stats!()['skippedTotal'] as Record<string, number>;
}

describe('left as it is', () => {
  test.each<[string, string, string | undefined, string | undefined]>([
    ['a small body', '/small', 'Accept-Encoding', 'small'],
    ['a type that does not shrink', '/image', undefined, 'filtered'],
    ['what is no-transform (RFC 9111 §5.2.2.6)', '/as-it-is', undefined, 'no-transform'],
    ['a part (RFC 9110 §14.2)', '/part', 'Accept-Encoding', 'partial'],
    ['a part that does not say which', '/some', 'Accept-Encoding', 'partial'],
    ['a whole that is called a part', '/called-part', 'Accept-Encoding', 'partial'],
    ['what states a digest of its bytes (RFC 9530)', '/digest', 'Accept-Encoding', 'digest'],
    ['an answer without a body', '/empty', undefined, undefined],
  ])('is %s', async (_name, path, vary, reason) => {
    await served(undefined, texts, async (asking, middleware) => {
      const { headers } = await asking(path, 'gzip');
      expect([headers['content-encoding'], headers.vary]).toEqual([undefined, vary]);
      expect(skippedBy(middleware)).toEqual(reason === undefined ? {} : { [reason]: 1 });
    });
  });

  test('is what is coded already', async () => {
    await served(undefined, texts, async (asking) => {
      const { headers, text } = await asking('/coded', 'br, gzip');
      expect(headers['content-encoding']).toBe('gzip');
      expect(text).toBe(TEXT);
    });
  });

  test.each<[string, Buffer, string | undefined]>([
    ['random bytes', randomBytes(20_000), 'dense'],
    ['a zip file', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(5000)]), 'dense'],
    ['base64', Buffer.from(randomBytes(15_000).toString('base64')), undefined],
    [
      'text of another script',
      Buffer.from('Все счастливые семьи похожи друг на друга. '.repeat(60)),
      undefined,
    ],
  ])('is what is dense: %s', async (_name, body, reason) => {
    await served(
      undefined,
      (app) => app.get('/', (_req, res) => void res.type('text').send(body)),
      async (asking, middleware) => {
        const { headers } = await asking('/', 'gzip');
        expect(headers['content-encoding']).toBe(reason === undefined ? 'gzip' : undefined);
        expect(skippedBy(middleware)).toEqual(reason === undefined ? {} : { [reason]: 1 });
      },
    );
  });

  test('is a body that would grow, unless the threshold is given as `compression` has it', async () => {
    const tiny = (app: Express): void =>
      void app.get('/', (_req, res) => void res.type('text').send('ab'));
    await served({ thresholdBytes: 0 }, tiny, async (asking, middleware) => {
      expect((await asking('/', 'gzip')).headers['content-encoding']).toBeUndefined();
      expect(middleware.stats?.()).toMatchObject({ skippedTotal: { larger: 1 } });
    });
    await served({ threshold: 0 }, tiny, async (asking) => {
      const { headers, text } = await asking('/', 'gzip');
      expect([headers['content-encoding'], text]).toEqual(['gzip', 'ab']);
    });
  });

  test('are the answers of a route that hardly shrink, until they are tried again', async () => {
    await served(
      { codings: ['gzip'], thresholdBytes: 0 },
      (app) =>
        app.get('/hex/:id', (_req, res) => {
          res.type('text').send(randomBytes(15).toString('hex'));
        }),
      async (asking, middleware) => {
        for (let count = 0; count < 12; count++) await asking('/hex/1', 'gzip');
        expect(middleware.stats?.()).toMatchObject({
          skippedTotal: { larger: 8, 'no-benefit': 4 },
        });
      },
    );
  });

  test('is what comes while as much is coded as may be', async () => {
    const large = randomBytes(120_000).toString('base64');
    const waiting: (() => void)[] = [];
    await served(
      { maxConcurrent: 2, syncMaxBytes: 1024, codings: ['gzip'] },
      (app) =>
        app.get('/', (_req, res) => {
          waiting.push(() => void res.type('text').send(large));
          // All in one turn, in which nothing that was begun can end.
          if (waiting.length === 8) for (const send of waiting.splice(0)) send();
        }),
      async (asking, middleware) => {
        for (let round = 0; round < 2; round++) {
          const all = await Promise.all(Array.from({ length: 8 }, () => asking('/', 'gzip')));
          expect(all.every(({ text }) => text === large)).toBe(true);
          expect(all.filter(({ headers }) => headers['content-encoding'] === 'gzip')).toHaveLength(
            2,
          );
        }
        expect(middleware.stats?.()).toMatchObject({
          codedTotal: { gzip: 4 },
          skippedTotal: { busy: 12 },
          running: 0,
        });
      },
    );
  });
});

describe('validators', () => {
  test('a strong ETag becomes weak, the 304 tells Vary and the same tag (RFC 9110 §8.8.3.3, §15.4.5)', async () => {
    await served(
      undefined,
      (app) => app.get('/', (_req, res) => void res.set('ETag', '"v1"').type('text').send(TEXT)),
      async (asking) => {
        const coded = await asking('/', 'gzip');
        expect(coded.headers.etag).toBe('W/"v1"');
        const plain = await asking('/');
        expect(plain.headers.etag).toBe('"v1"');
        const { status, headers } = await asking('/', 'gzip', { 'if-none-match': 'W/"v1"' });
        expect([status, headers.etag, headers.vary]).toEqual([304, 'W/"v1"', 'Accept-Encoding']);
      },
    );
  });

  test('ranges of the identity are not promised of a coded answer', async () => {
    await served(
      undefined,
      (app) =>
        app.get('/', (_req, res) => void res.set('Accept-Ranges', 'bytes').type('text').send(TEXT)),
      async (asking) => {
        expect((await asking('/', 'gzip')).headers['accept-ranges']).toBeUndefined();
        expect((await asking('/')).headers['accept-ranges']).toBe('bytes');
      },
    );
  });
});

describe('streams', () => {
  test.each(CODINGS)('events reach the client as they are written, in %s', async (coding) => {
    let next!: () => void;
    const app = express();
    app.use(compression());
    app.get('/events', (_req, res) => {
      res.setHeader('Content-Type', 'text/event-stream');
      res.write('data: 1\n\n');
      next = () => void res.end('data: 2\n\n');
    });
    const { url, close } = await serve(app);
    const response = await begin(`${url}/events`, { 'accept-encoding': coding });
    expect(response.headers['content-encoding']).toBe(coding);
    const events = response.pipe(decoderOf(coding))[Symbol.asyncIterator]();
    // The second is written only when the first has been read.
    expect(String((await events.next()).value)).toBe('data: 1\n\n');
    next();
    expect(String((await events.next()).value)).toBe('data: 2\n\n');
    await close();
  });

  test('that clients leave are let go of, and others are sent plainly while there are too many', async () => {
    const left: (() => void)[] = [];
    const app = express();
    const middleware = compression({ maxStreams: 1 });
    app.use(middleware);
    app.get('/', (_req, res) => {
      res.type('text').write(TEXT);
      res.flush();
      res.once('close', () => left.shift()?.());
    });
    const { url, close } = await serve(app);
    const coded = await begin(url, { 'accept-encoding': 'gzip' });
    expect(coded.headers['content-encoding']).toBe('gzip');
    expect(middleware.stats?.()).toMatchObject({ streams: 1 });
    const second = await begin(url, { 'accept-encoding': 'gzip' });
    expect(second.headers['content-encoding']).toBeUndefined();
    expect(skippedBy(middleware)).toEqual({ busy: 1 });
    const gone = new Promise<void>((resolve) => left.push(resolve));
    coded.destroy();
    await gone;
    await untilIdle(middleware);
    const third = await begin(url, { 'accept-encoding': 'gzip' });
    expect(third.headers['content-encoding']).toBe('gzip');
    await close();
  });

  test('res.flush sends what has been written, and is there where nothing is coded', async () => {
    let next!: () => void;
    const app = express();
    app.use(compression());
    app.get('/', (_req, res) => {
      res.type('text').write(TEXT);
      res.flush();
      next = () => void res.end();
    });
    const { url, close } = await serve(app);
    for (const coding of ['gzip', 'br', 'identity']) {
      const [response] = (await once(
        get(url, { headers: { 'accept-encoding': coding }, agent: false }),
        'response',
      )) as [IncomingMessage];
      const decoder =
        coding === 'gzip'
          ? zlib.createGunzip()
          : coding === 'br'
            ? zlib.createBrotliDecompress()
            : undefined;
      let text = '';
      for await (const chunk of decoder === undefined ? response : response.pipe(decoder)) {
        text += String(chunk);
        if (text.length === TEXT.length) next();
      }
      expect(text).toBe(TEXT);
    }
    await close();
  });
});

describe('mounted anywhere', () => {
  test('with a cache, which keeps plain bodies and takes over what was coded', async () => {
    let asked = 0;
    const cached = cache();
    const app = express();
    const stack = setup(app, [cached, compression({ codings: ['gzip'] })]);
    app.get('/', (_req, res) => {
      asked++;
      res.type('text').send(TEXT);
    });
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const first = await ask(url, { 'accept-encoding': 'gzip' });
    const hit = await ask(url, { 'accept-encoding': 'gzip' });
    const plain = await ask(url);
    expect([first, hit, plain].map(({ text }) => text === TEXT)).toEqual([true, true, true]);
    expect([hit.headers['content-encoding'], plain.headers['content-encoding']]).toEqual([
      'gzip',
      undefined,
    ]);
    // The hit is the very body that was coded for the miss: the cache has coded none.
    expect(hit.bytes.equals(first.bytes)).toBe(true);
    expect(asked).toBe(1);
    expect(cached.stats?.()).toMatchObject({ codedTotal: 0, hitsTotal: 2 });
    await stack.close();
  });

  test('on a plain server of Node, without Express', async () => {
    const middleware = compression();
    const listener: RequestListener = (req, res) =>
      (middleware as unknown as (req: unknown, res: unknown, next: () => void) => void)(
        req,
        res,
        () => {
          res.setHeader('Content-Type', 'text/plain');
          res.end(TEXT);
        },
      );
    const { url, close } = await serve(createServer(listener));
    const { headers, text } = await ask(url, { 'accept-encoding': 'gzip' });
    expect([headers['content-encoding'], text]).toEqual(['gzip', TEXT]);
    await close();
  });
});

describe('options', () => {
  test('of `compression` work by their own names', async () => {
    await served({ threshold: '1mb' }, texts, async (asking) => {
      expect((await asking('/text', 'gzip')).headers['content-encoding']).toBeUndefined();
    });
    const filter: AnyOptions = { filter: (req) => req.query['plain'] === undefined };
    await served({ ...filter, level: 1, memLevel: 9, chunkSize: 8192 }, texts, async (asking) => {
      expect((await asking('/text', 'gzip')).headers['content-encoding']).toBe('gzip');
      const { headers } = await asking('/text?plain', 'gzip');
      expect([headers['content-encoding'], headers.vary]).toEqual([undefined, undefined]);
    });
    expect(compression.filter({} as never, { getHeader: () => 'text/plain' } as never)).toBe(true);
  });

  test.each<[AnyOptions, RegExp]>([
    [
      { threshold: 'much' },
      /"threshold" must be a number of bytes or a size such as "1kb", but is "much"/,
    ],
    [{ level: 99 }, /"gzip" must be an object of options that zlib takes/],
    [{ codings: ['lzw' as never] }, /"codings" must be/],
    [{ tresholdBytes: 1 } as never, /"tresholdBytes" is unknown; did you mean "thresholdBytes"/],
  ])('that are wrong are refused: %j', (options, message) => {
    expect(() => compression(options)).toThrow(message);
  });

  test('those who listen hear what was coded, and why not', async () => {
    const heard: string[] = [];
    const onEvent = (event: CompressionEvent): void =>
      void heard.push(event.type === 'coded' ? `${event.coding} ${event.inBytes}` : event.reason);
    await served({ onEvent, codings: ['gzip'] }, texts, async (asking) => {
      await asking('/text', 'gzip');
      await asking('/small', 'gzip');
      expect(heard).toEqual([`gzip ${TEXT.length}`, 'small']);
    });
  });

  test('under load the cheapest levels are used', async () => {
    let busy = 0;
    const sizes: number[] = [];
    const words = Array.from({ length: 3000 }, (_, at) => `word${(at * 7919) % 1000}`).join(' ');
    for (busy of [0, 1]) {
      await served(
        { load: () => busy, codings: ['gzip'], clock: steady() },
        (app) => app.get('/', (_req, res) => void res.type('text').send(words)),
        async (asking) => void sizes.push((await asking('/', 'gzip')).bytes.length),
      );
    }
    expect(sizes[1]).toBeGreaterThan(sizes[0]!);
  });
});

/** A clock on which every reading is a second later. */
function steady() {
  let nowMs = 0;
  return {
    now: () => nowMs,
    monotonicMs: () => (nowMs += 1000),
    after: () => () => undefined,
    every: () => () => undefined,
  };
}

describe('against BREACH', () => {
  const secret = (app: Express): void =>
    void app.get(
      '/',
      (req, res) =>
        void res.type('text').send(`${TEXT} token=secret q=${req.query['q'] as string}`),
    );
  const signedIn = { cookie: 'session=1' };

  test.each(['br', 'gzip'])(
    'padding gives one body in %s many lengths, and what decoders give is the same',
    async (coding) => {
      let next = 0;
      await served(
        { breach: 'pad', random: () => ((next += 7) % 10) / 10, load: () => 0 },
        secret,
        async (asking) => {
          const answers = [];
          for (let count = 0; count < 6; count++)
            answers.push(await asking('/?q=a', coding, signedIn));
          expect(new Set(answers.map(({ bytes }) => bytes.length)).size).toBeGreaterThan(3);
          for (const { text } of answers) expect(text).toBe(`${TEXT} token=secret q=a`);
          const anonymous = await asking('/?q=a', coding);
          const again = await asking('/?q=a', coding);
          expect(anonymous.bytes.equals(again.bytes)).toBe(true);
        },
      );
    },
  );

  test.each(['br', 'gzip'])(
    'a stream in %s begins with padding, which decoders skip',
    async (coding) => {
      const lengths: number[] = [];
      for (const share of [0, 0.99]) {
        await served(
          { breach: 'pad', random: () => share, load: () => 0 },
          (app) =>
            app.get('/', (_req, res) => {
              res.type('text').write(TEXT);
              res.flush();
              res.end(TEXT);
            }),
          async (asking, middleware) => {
            const { bytes, text } = await asking('/', coding, signedIn);
            expect(text).toBe(TEXT + TEXT);
            lengths.push(bytes.length);
            await untilIdle(middleware);
          },
        );
      }
      // From 1 byte to the longest.
      expect(lengths[1]! - lengths[0]!).toBe(63);
    },
  );

  test.each(['br', 'gzip'])(
    'a stream in %s that nobody flushes is padded as well',
    async (coding) => {
      await served({ breach: 'pad' }, texts, async (asking) => {
        const { headers, text } = await asking('/stream', coding, signedIn);
        expect([headers['content-encoding'], text]).toEqual([coding, TEXT + TEXT]);
      });
    },
  );

  test.each(CODINGS)('with padding %s is offered if it has a place for it', async (coding) => {
    await served({ breach: 'pad' }, secret, async (asking) => {
      const { headers, text } = await asking('/?q=a', coding, signedIn);
      const padded = coding === 'br' || coding === 'gzip';
      expect(headers['content-encoding']).toBe(padded ? coding : undefined);
      expect(text).toBe(`${TEXT} token=secret q=a`);
    });
  });

  test('an answer that sets a cookie counts as one with a secret', async () => {
    await served(
      { breach: 'skip-reflected', harmlessCookies: ['theme'] },
      (app) => {
        app.get('/login', (_req, res) => void res.cookie('session', 's').type('text').send(TEXT));
        secret(app);
      },
      async (asking) => {
        const { headers } = await asking('/login?user=Jack', 'gzip');
        expect(headers['content-encoding']).toBeUndefined();
        const harmless = await asking('/?q=guess', 'gzip', { cookie: 'theme=dark' });
        expect(harmless.headers['content-encoding']).toBe('gzip');
        const stated = await asking('/?q=guess', 'gzip', { authorization: 'Bearer x' });
        expect(stated.headers['content-encoding']).toBeUndefined();
      },
    );
  });

  test('a stream beside a secret is not coded where the request has anything to be reflected', async () => {
    await served({ breach: 'skip-reflected' }, texts, async (asking) => {
      const coded = await asking('/stream', 'gzip', signedIn);
      expect(coded.headers['content-encoding']).toBe('gzip');
      const plain = await asking('/stream?q=guess', 'gzip', signedIn);
      expect(plain.headers['content-encoding']).toBeUndefined();
    });
  });

  test('what reflects the request beside a secret is not coded', async () => {
    await served({ breach: 'skip-reflected' }, secret, async (asking, middleware) => {
      const reflected = await asking('/?q=guess', 'gzip', signedIn);
      expect(reflected.headers['content-encoding']).toBeUndefined();
      expect((await asking('/?q=guess', 'gzip')).headers['content-encoding']).toBe('gzip');
      expect((await asking('/?other=nowhere', 'gzip', signedIn)).headers['content-encoding']).toBe(
        'gzip',
      );
      expect(middleware.stats?.()).toMatchObject({ skippedTotal: { reflected: 1 } });
    });
  });
});

describe('precompressed files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'precompressed-'));
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'app.js'), TEXT);
    writeFileSync(join(folder, 'app.js.br'), zlib.brotliCompressSync(TEXT));
    writeFileSync(join(folder, 'app.js.gz'), zlib.gzipSync(TEXT));
    writeFileSync(join(folder, 'plain.css'), TEXT);
    writeFileSync(join(folder, 'sub/index.html'), TEXT);
    writeFileSync(join(folder, 'sub/index.html.gz'), zlib.gzipSync(TEXT));
    writeFileSync(join(folder, '.hidden.br'), 'hidden');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each<[string, string | undefined, string | undefined, string]>([
    ['/app.js', 'gzip, br', 'br', 'text/javascript; charset=utf-8'],
    ['/app.js', 'gzip', 'gzip', 'text/javascript; charset=utf-8'],
    ['/app.js', 'zstd, gzip', 'gzip', 'text/javascript; charset=utf-8'],
    ['/app.js', 'gzip;q=0, br;q=0', undefined, 'text/javascript; charset=utf-8'],
    ['/app.js', undefined, undefined, 'text/javascript; charset=utf-8'],
    ['/plain.css', 'gzip, br', undefined, 'text/css; charset=utf-8'],
    ['/sub/', 'gzip', 'gzip', 'text/html; charset=utf-8'],
  ])('%s for %j is sent in %j', async (path, accepts, coding, type) => {
    const app = express();
    app.use(precompressed(folder));
    const { url, close } = await serve(app);
    const { status, headers, text } = await ask(
      url + path,
      accepts === undefined ? {} : { 'accept-encoding': accepts },
    );
    await close();
    expect([status, headers['content-encoding'], text]).toEqual([200, coding, TEXT]);
    expect(headers.vary).toBe('Accept-Encoding');
    expect(headers['content-type']).toBe(type);
  });

  test('each coding has a validator and ranges of its own, and nothing else of the machine is sent', async () => {
    const app = express();
    app.use(compression(), precompressed(folder, { static: { maxAge: 60_000 } }));
    const { url, close } = await serve(app);
    const br = await ask(`${url}/app.js`, { 'accept-encoding': 'br' });
    const gzip = await ask(`${url}/app.js`, { 'accept-encoding': 'gzip' });
    expect(br.headers.etag).not.toBe(gzip.headers.etag);
    expect(br.headers['cache-control']).toBe('public, max-age=60');
    const same = await ask(`${url}/app.js`, {
      'accept-encoding': 'br',
      'if-none-match': br.headers.etag!,
    });
    expect([same.status, same.headers.vary]).toEqual([304, 'Accept-Encoding']);
    const { status, bytes } = await askBytes(`${url}/app.js`, {
      'accept-encoding': 'gzip',
      range: 'bytes=0-9',
    });
    expect([status, bytes.length]).toEqual([206, 10]);
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/.hidden',
      '/nowhere',
      '/%zz',
      '/sub/..%2f..%2fetc',
    ]) {
      expect((await ask(url + path, { 'accept-encoding': 'br' })).status).toBeGreaterThanOrEqual(
        400,
      );
    }
    const posted = await ask(`${url}/app.js`, { 'accept-encoding': 'br' }, 'POST');
    expect(posted.status).toBe(404);
    await close();
  });

  test('a client gets the best of the codings that are there', async () => {
    const app = express();
    app.use(precompressed(folder));
    const { url, close } = await serve(app);
    const codingOf = async (path: string, accepts: string) =>
      (await ask(url + path, { 'accept-encoding': accepts })).headers['content-encoding'];
    expect(await codingOf('/app.js', 'zstd, br;q=0.9, gzip;q=0.5')).toBe('br');
    expect(await codingOf('/app.js', 'zstd, gzip;q=0.9, br;q=0.5')).toBe('gzip');
    expect(await codingOf('/app.js?v=1', 'br')).toBe('br');
    await close();
  });

  test('a target with a fragment, or in absolute form, gets the file that is named', async () => {
    const app = express();
    app.use(precompressed(folder));
    const { url, close } = await serve(app);
    for (const [target, coding] of [
      ['/app.js#top', 'br'],
      ['/app.js#?v=1', 'br'],
      ['/plain.css#top', undefined],
      ['http://elsewhere/app.js', 'br'],
    ] as const) {
      // `fetch` and the like take fragments off.
      const sent = request(url, { path: target, headers: { 'accept-encoding': 'br' } }).end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      const chunks = (await answer.toArray()) as Buffer[];
      expect([target, answer.headers['content-encoding']]).toEqual([target, coding]);
      expect(decode(coding, Buffer.concat(chunks)).toString()).toBe(TEXT);
    }
    await close();
  });

  test('options of express.static hold for coded files, too', async () => {
    const named: string[] = [];
    const app = express();
    const given = {
      maxAge: 60_000,
      setHeaders: (_res: unknown, path: string) => void named.push(path),
    };
    app.use('/files', precompressed(folder, { codings: ['gzip'], static: given }));
    app.use('/bare', precompressed(folder, { static: { etag: false, index: false } }));
    const { url, close } = await serve(app);
    const head = await ask(`${url}/files/app.js`, { 'accept-encoding': 'br, gzip' }, 'HEAD');
    expect([head.headers['content-encoding'], head.bytes.length]).toEqual(['gzip', 0]);
    expect(head.headers['cache-control']).toBe('public, max-age=60');
    expect(head.headers.etag).toMatch(/^W\/".*-gzip"$/);
    expect(named).toEqual([join(folder, 'app.js.gz')]);
    const bare = await ask(`${url}/bare/app.js`, { 'accept-encoding': 'br' });
    expect([bare.headers['content-encoding'], bare.headers.etag]).toEqual(['br', undefined]);
    expect((await ask(`${url}/bare/sub/`, { 'accept-encoding': 'gzip' })).status).toBe(404);
    // A folder without a slash is sent to the one with, so that what it links to is found.
    const folderless = await ask(`${url}/files/sub`, { 'accept-encoding': 'gzip' });
    expect([folderless.status, folderless.headers.location]).toEqual([301, '/files/sub/']);
    await close();
  });

  test('where it is mounted, without a slash, leads to the one with', async () => {
    const app = express();
    app.use('/sub', precompressed(join(folder, 'sub')));
    const { url, close } = await serve(app);
    const { status, headers } = await ask(`${url}/sub`, { 'accept-encoding': 'gzip' });
    expect([status, headers.location]).toEqual([301, '/sub/']);
    expect((await ask(`${url}/sub/`, { 'accept-encoding': 'gzip' })).text).toBe(TEXT);
    await close();
  });

  test('what is not there is for those who come next, with the address as it was', async () => {
    const app = express();
    app.use(precompressed(folder));
    app.use((req, res) => void res.status(404).json({ url: req.url }));
    const { url, close } = await serve(app);
    for (const path of ['/no.js?a=1', '/%zz', '/a%00b', '/..%2fapp.js']) {
      const { text, headers } = await ask(url + path, { 'accept-encoding': 'br, gzip' });
      expect(JSON.parse(text)).toEqual({ url: path });
      expect(headers['content-encoding']).toBeUndefined();
    }
    await close();
  });

  test('a coding without an ending is refused', () => {
    expect(() => precompressed(folder, { codings: ['deflate' as never] })).toThrow(/has deflate/);
  });
});
