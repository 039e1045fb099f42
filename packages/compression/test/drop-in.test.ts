/** In the place of `compression`: everything that its own tests look at, on a server without Express. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { constants, gunzipSync } from 'node:zlib';
import { serve } from '@org/core/testing';
import { type AnyOptions, compression } from '@org/compression';

import { type Answer, ask, begin, decoderOf } from './asking.ts';

type Res = ServerResponse & { flush(): void };
type Handler = (res: Res, req: IncomingMessage) => void;

const TEXT = 'hello, world';
/** Says `hello, world` in one piece. */
const hello: Handler = (res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end(TEXT);
};

function listenerOf(options: AnyOptions | null, handler: Handler) {
  const middleware = compression(options) as unknown as (
    req: unknown,
    res: unknown,
    next: () => void,
  ) => void;
  return (req: IncomingMessage, res: ServerResponse): void =>
    middleware(req, res, () => handler(res as Res, req));
}

async function served(
  options: AnyOptions | null,
  handler: Handler,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const { url, close } = await serve(createServer(listenerOf(options, handler)));
  try {
    await use(url);
  } finally {
    await close();
  }
}

async function answerTo(
  options: AnyOptions | null,
  handler: Handler,
  acceptEncoding: string | undefined = 'gzip',
  method?: string,
): Promise<Answer> {
  let answer: Answer | undefined;
  await served(options, handler, async (url) => {
    answer = await ask(url, { 'accept-encoding': acceptEncoding }, method);
  });
  return answer!;
}

const ALL = { threshold: 0 };

describe('whether', () => {
  test.each<[string, AnyOptions | null, Handler, string | undefined, string | undefined]>([
    ['a coding that nobody knows is accepted', ALL, hello, 'bogus', undefined],
    [
      'the handler has coded for itself',
      ALL,
      (res) => {
        res.setHeader('Content-Encoding', 'x-custom');
        hello(res, res.req);
      },
      'gzip',
      'x-custom',
    ],
    [
      'a short length is stated',
      { threshold: '1kb' },
      (res) => {
        res.setHeader('Content-Length', '12');
        hello(res, res.req);
      },
      'gzip',
      undefined,
    ],
    [
      'a long length is stated',
      { threshold: '1kb' },
      (res) => {
        res.setHeader('Content-Type', 'text/plain');
        res.setHeader('Content-Length', '2048');
        res.end(Buffer.alloc(2048));
      },
      'gzip',
      'gzip',
    ],
    [
      'the length of a stream is not known',
      { threshold: '1kb' },
      (res) => {
        res.setHeader('Content-Type', 'text/plain');
        res.write('hello, ');
        setImmediate(() => res.end('world'));
      },
      'gzip',
      'gzip',
    ],
    [
      'a stream states a short length',
      { threshold: '1kb' },
      (res) => {
        res.setHeader('Content-Type', 'text/plain');
        res.setHeader('Content-Length', '12');
        res.write('hello, ');
        setImmediate(() => res.end('world'));
      },
      'gzip',
      undefined,
    ],
    [
      'a stream states a long length',
      { threshold: '1kb' },
      (res) => {
        res.setHeader('Content-Type', 'text/plain');
        res.setHeader('Content-Length', '2048');
        res.write(Buffer.alloc(1024));
        setImmediate(() => res.end(Buffer.alloc(1024)));
      },
      'gzip',
      'gzip',
    ],
    [
      'text in hex is short once it is read',
      { threshold: 6 },
      (res) => {
        res.setHeader('Content-Type', 'text/plain');
        res.end('2e2e2e2e', 'hex');
      },
      'gzip',
      undefined,
    ],
    ['there is no body', { threshold: 1 }, (res) => void typed(res).end(), 'gzip', undefined],
    [
      'the body is null',
      { threshold: 1000 },
      (res) => void typed(res).end(null),
      'gzip',
      undefined,
    ],
  ])('%s', async (_name, options, handler, accepts, coding) => {
    const { headers, status } = await answerTo(options, handler, accepts);
    expect([status, headers['content-encoding']]).toEqual([200, coding]);
  });

  test('the text is whole where it is coded and where it is not', async () => {
    const parts: Handler = (res) => {
      typed(res).write('hello, ', 'utf8');
      res.end('world', 'utf8');
    };
    expect((await answerTo(ALL, parts)).text).toBe(TEXT);
    expect((await answerTo(ALL, parts, 'bogus')).text).toBe(TEXT);
    expect(
      (await answerTo({ threshold: 6 }, (res) => void typed(res).end('2e2e2e2e', 'hex'))).text,
    ).toBe('....');
    const block = Buffer.alloc(40 * 1024, '.');
    const several: Handler = (res) => {
      typed(res).write(block);
      res.write(block);
      res.write(block);
      res.end(block);
    };
    const large = await answerTo(ALL, several);
    expect([large.headers['transfer-encoding'], large.text.length]).toEqual([
      'chunked',
      4 * block.length,
    ]);
  });
});

describe('which', () => {
  const quality = (of: number): AnyOptions => ({
    ...ALL,
    brotli: { params: { [constants.BROTLI_PARAM_QUALITY]: of } },
  });

  test.each<[string, string, AnyOptions?]>([
    ['gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['br', 'br'],
    ['br', 'br', quality(11)],
    ['gzip', 'gzip', quality(8)],
    ['gzip, deflate', 'gzip'],
    ['deflate, gzip', 'gzip'],
    ['gzip, br', 'br'],
    ['deflate, gzip, br', 'br'],
    ['deflate, br', 'br'],
    ['gzip;q=1, br;q=0.3', 'gzip'],
    ['gzip, br;q=0.8', 'gzip'],
    ['gzip;q=0.001', 'gzip'],
  ])('%s: %s', async (accepts, coding, options = ALL) => {
    const { headers, text } = await answerTo(options, hello, accepts);
    expect([headers['content-encoding'], text]).toEqual([coding, TEXT]);
  });

  test.each<[string, string, string | undefined]>([
    ['deflate', 'gzip', 'gzip'],
    ['gzip', '', 'gzip'],
    ['deflate', '', 'deflate'],
    ['br', '', 'br'],
    ['identity', '', undefined],
    ['bogus', '', undefined],
    ['*', '', undefined],
  ])('enforceEncoding %s, asked for %j: %s', async (enforceEncoding, accepts, coding) => {
    const { headers, text } = await answerTo({ ...ALL, enforceEncoding }, hello, accepts);
    expect([headers['content-encoding'], text]).toEqual([coding, TEXT]);
  });
});

describe('Vary', () => {
  const withHeader =
    (name: string, value: string): Handler =>
    (res) => {
      typed(res).setHeader(name, value);
      res.end(TEXT);
    };

  test.each<[string, AnyOptions | null, Handler, string, string | undefined]>([
    ['a coded answer', ALL, hello, 'GET', 'Accept-Encoding'],
    ['a plain one', { threshold: 1000 }, hello, 'GET', 'Accept-Encoding'],
    ['HEAD', ALL, hello, 'HEAD', 'Accept-Encoding'],
    ['another type', null, withHeader('Content-Type', 'image/jpeg'), 'GET', undefined],
    ['no-transform', ALL, withHeader('Cache-Control', 'no-transform'), 'GET', undefined],
    ['another Vary', ALL, withHeader('Vary', 'Origin'), 'GET', 'Origin, Accept-Encoding'],
    ['Vary: *', ALL, withHeader('Vary', '*'), 'GET', '*'],
  ])('on %s', async (_name, options, handler, method, vary) => {
    expect((await answerTo(options, handler, 'gzip', method)).headers.vary).toBe(vary);
  });
});

describe('a writer', () => {
  test('is called back', async () => {
    const { text } = await answerTo(ALL, (res) => {
      typed(res).write(TEXT, () => res.end());
    });
    expect(text).toBe(TEXT);
  });

  test('may write after the client has gone', async () => {
    let written!: () => void;
    const done = new Promise<void>((resolve) => (written = resolve));
    await served(
      ALL,
      (res) => {
        typed(res).once('close', () => {
          res.write('hello, ');
          res.end('world');
          written();
        });
        res.destroy();
      },
      async (url) => {
        await expect(begin(url)).rejects.toThrow('socket hang up');
        await done;
      },
    );
  });

  test('has res.flush, also before anything is written', async () => {
    const { status } = await answerTo(null, (res) => {
      res.flush();
      res.end();
    });
    expect(status).toBe(200);
  });

  test.each(['gzip', 'deflate', 'br'])('flushes small pieces in %s', async (coding) => {
    let next!: () => void;
    const handler: Handler = (res) => {
      typed(res).write('..');
      res.flush();
      next = () => void res.end('..');
    };
    await served(ALL, handler, async (url) => {
      const response = await begin(url, { 'accept-encoding': coding });
      const parts = response.pipe(decoderOf(coding))[Symbol.asyncIterator]();
      expect(String((await parts.next()).value)).toBe('..');
      next();
      expect(String((await parts.next()).value)).toBe('..');
      expect((await parts.next()).done).toBe(true);
    });
  });
});

test('HTTP/2', async () => {
  const server = createHttp2Server(listenerOf(ALL, hello) as never);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = client.request({ 'accept-encoding': 'gzip' });
  const [headers] = (await once(request, 'response')) as [Record<string, unknown>];
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  expect([headers[':status'], headers['content-encoding'], headers['vary']]).toEqual([
    200,
    'gzip',
    'Accept-Encoding',
  ]);
  expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe(TEXT);
  client.close();
  server.close();
  await once(server, 'close');
});

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['text/plain', true],
  ['application/x-bogus', false],
])('compression.filter of type %s: %s', async (type, verdict) => {
  const { url, close } = await serve(
    createServer((req, res) => {
      if (type !== undefined) res.setHeader('Content-Type', type);
      res.end(String(compression.filter(req as never, res as never)));
    }),
  );
  expect((await ask(url)).text).toBe(String(verdict));
  await close();
});

describe('what differs by design', () => {
  test('whole bodies have a length, and are not chunked', async () => {
    for (const body of [TEXT, '.'.repeat(1024 * 1024)]) {
      const { headers, bytes, text } = await answerTo(ALL, (res) => void typed(res).end(body));
      expect([headers['content-length'], headers['transfer-encoding']]).toEqual([
        String(bytes.length),
        undefined,
      ]);
      expect(text).toBe(body);
    }
  });

  test('HEAD gets the head of GET (RFC 9110 §9.3.2)', async () => {
    const { headers } = await answerTo(ALL, hello, 'gzip', 'HEAD');
    expect(headers['content-encoding']).toBe('gzip');
  });

  test('what is written after the end is refused as Node does', async () => {
    const notes: unknown[] = [];
    const { text } = await answerTo(ALL, (res) => {
      hello(res, res.req);
      res.on('error', (error: NodeJS.ErrnoException) => notes.push(error.code));
      notes.push(res.end() === res);
      res.write('more');
    });
    expect([text, ...notes]).toEqual([TEXT, true, 'ERR_STREAM_WRITE_AFTER_END']);
  });
});

function typed(res: Res): Res {
  res.setHeader('Content-Type', 'text/plain');
  return res;
}
