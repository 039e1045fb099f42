/** Connections stay whole: a second request after each refusal, long bodies, clients that ask before they send. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import express, { type Express } from 'express';
import { fakeClock, serve } from '@org/core/testing';
import { earlyAnswers, earlyReturn, type EdgeOptions } from '@org/early-return';
import { setup } from '@org/setup';

/** One answer as it came. */
interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A raw connection that reads answers by their stated lengths. */
class Client {
  readonly socket: Socket;
  private buffer = '';
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.buffer += text;
      this.wake();
    });
    for (const end of ['end', 'error', 'close'] as const) {
      this.socket.on(end, () => {
        this.ended = true;
        this.wake();
      });
    }
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  send(text: string): void {
    this.socket.write(text);
  }

  async answer(method = 'GET'): Promise<Answer> {
    const head = await this.until(() => {
      const end = this.buffer.indexOf('\r\n\r\n');
      return end === -1 ? undefined : this.take(end + 4);
    });
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? '0';
    const bytes = method === 'HEAD' || status === 204 || status === 304 ? 0 : Number(length);
    const body = await this.until(() =>
      this.buffer.length >= bytes ? this.take(bytes) : undefined,
    );
    return { status, head, body };
  }

  /** Resolves when the server has ended the connection; nothing may have come meanwhile. */
  async end(): Promise<void> {
    await this.until(() => (this.ended ? '' : undefined));
    this.socket.destroy();
    if (this.buffer !== '') throw new Error(`nobody asked for ${JSON.stringify(this.buffer)}`);
  }

  private take(length: number): string {
    const text = this.buffer.slice(0, length);
    this.buffer = this.buffer.slice(length);
    return text;
  }

  private async until(look: () => string | undefined): Promise<string> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.ended) throw new Error(`the connection ended with ${JSON.stringify(this.buffer)}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

const OPTIONS: Partial<EdgeOptions> = {
  pings: ['/ping'],
  rules: [{ path: '/rule', method: '*', body: 'rule' }],
  methods: ['GET', 'HEAD', 'POST', 'PATCH', 'OPTIONS', 'DELETE'],
  maxUrlBytes: 30,
  maxHeaderLines: 5,
  bodies: { '/typed': { types: ['application/json'] }, '/short': { maxBytes: 3 } },
  routesOnly: ['/api'],
  maxDrainBytes: 1000,
};

function makeApp(options: Partial<EdgeOptions> = OPTIONS): Express {
  const app = express();
  app.use(earlyAnswers(options));
  addRoutes(app);
  return app;
}

function addRoutes(app: Express): void {
  app.get('/api/x', (_req, res) => void res.send('routed'));
  app.post(['/echo', '/short', '/typed'], express.text({ type: () => true }), (req, res) => {
    res.send(`got ${String(req.body)}`);
  });
}

async function withClient(
  app: Express | Server,
  use: (client: Client, port: number) => Promise<void>,
): Promise<void> {
  const { port, close } = await serve(app);
  const client = new Client(port);
  try {
    await use(client, port);
  } finally {
    client.socket.destroy();
    await close();
  }
}

const request = (line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: x', ...headers, '', body].join('\r\n');
const withBody = (line: string, body: string, headers: readonly string[] = []): string =>
  request(line, [`Content-Length: ${body.length}`, ...headers], body);

const ECHO = withBody('POST /echo', 'next');

describe('a second request on the same connection is answered', () => {
  const small = 'x'.repeat(900);
  const cases: [what: string, request: string, status: number][] = [
    ['a rule without a body', request('GET /rule'), 200],
    ['a rule with a body', withBody('POST /rule', small), 200],
    ['a ping by HEAD', request('HEAD /ping'), 200],
    ['OPTIONS', request('OPTIONS /api/x'), 204],
    ['OPTIONS with a body', withBody('OPTIONS /api/x', small), 204],
    ['OPTIONS *', request('OPTIONS *'), 204],
    ['501 without a body', request('PURGE /x'), 501],
    ['501 with a body', withBody('PURGE /x', small), 501],
    ['414 with a body', withBody(`POST /${'u'.repeat(40)}`, small), 414],
    ['431 with a body', withBody('POST /x', small, ['A: 1', 'B: 2', 'C: 3', 'D: 4']), 431],
    ['415', withBody('POST /typed', small, ['Content-Type: text/plain']), 415],
    ['413 with a body that is short all the same', withBody('POST /short', 'xxxx'), 413],
    ['404', request('GET /api/nothing'), 404],
    ['404 to HEAD', request('HEAD /api/nothing'), 404],
    ['404 with a body', withBody('POST /api/nothing', small), 404],
    ['405', withBody('POST /api/x', small), 405],
  ];

  test.each(cases)('after %s', async (_what, first, status) => {
    await withClient(makeApp(), async (client) => {
      client.send(first);
      const answer = await client.answer(first.slice(0, first.indexOf(' ')));
      expect(answer.status).toBe(status);
      expect(answer.head).not.toMatch(/connection: close/i);
      client.send(ECHO);
      expect((await client.answer()).body).toBe('got next');
    });
  });

  test.each(cases)('pipelined behind %s', async (_what, first, status) => {
    await withClient(makeApp(), async (client) => {
      client.send(ECHO + first + ECHO);
      expect((await client.answer()).body).toBe('got next');
      expect((await client.answer(first.slice(0, first.indexOf(' ')))).status).toBe(status);
      expect((await client.answer()).body).toBe('got next');
    });
  });

  test('under setup, ahead of Express', async () => {
    const app = express();
    const stack = setup(app, [earlyReturn(OPTIONS)]);
    addRoutes(app);
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const client = new Client(port);
    try {
      for (const [, first, status] of cases) {
        client.send(first + ECHO);
        expect((await client.answer(first.slice(0, first.indexOf(' ')))).status).toBe(status);
        expect((await client.answer()).body).toBe('got next');
      }
    } finally {
      client.socket.destroy();
      await stack.close();
    }
  });

  test('a refused body that arrives in pieces is dropped, and not taken for a request', async () => {
    await withClient(makeApp(), async (client) => {
      client.send(request('POST /api/nothing', ['Content-Length: 40']));
      expect((await client.answer()).status).toBe(404);
      client.send('GET /rule HTTP/1.1\r\n');
      client.send(`Host: x\r\n\r\n${'x'.repeat(9)}`);
      client.send(ECHO);
      expect((await client.answer()).body).toBe('got next');
    });
  });
});

describe('the connection ends', () => {
  test.each([
    ['a long body', request('POST /api/nothing', ['Content-Length: 1001'])],
    ['one of unknown length', request('POST /api/nothing', ['Transfer-Encoding: chunked'])],
  ])(
    'after %s: the answer comes whole at once, and what follows is still read',
    async (_what, head) => {
      const clock = fakeClock();
      await withClient(makeApp({ ...OPTIONS, clock, lingerMs: 500 }), async (client, port) => {
        client.send(head);
        const answer = await client.answer();
        expect(answer.status).toBe(404);
        expect(answer.head).toMatch(/\r\nconnection: close\r\n/i);
        expect(JSON.parse(answer.body)).toMatchObject({ code: 'ERR_NOT_FOUND' });
        // A whole round trip later it is still open, and read from.
        const other = new Client(port);
        other.send(request('GET /rule'));
        await other.answer();
        other.socket.destroy();
        expect(client.hasEnded).toBe(false);
        client.send('1\r\nx\r\n');
        clock.advance(500);
        await client.end();
      });
    },
  );

  test('as soon as the client has sent all of it', async () => {
    const clock = fakeClock();
    await withClient(makeApp({ ...OPTIONS, clock }), async (client) => {
      const body = 'x'.repeat(200_000);
      client.send(withBody('POST /api/nothing', body));
      expect((await client.answer()).status).toBe(404);
      await client.end();
    });
  });

  test('and a client that sends megabytes sees the answer, not a reset', async () => {
    await withClient(makeApp(), async (client) => {
      const failures: unknown[] = [];
      client.socket.on('error', (error) => failures.push(error));
      client.send(request('POST /api/nothing', ['Content-Length: 8000000']));
      client.send('x'.repeat(8_000_000));
      expect((await client.answer()).status).toBe(404);
      if (!client.socket.closed) await once(client.socket, 'close');
      expect(failures).toEqual([]);
    });
  });

  test('when the client goes while its body is dropped, nothing is left', async () => {
    const clock = fakeClock();
    const { port, server, close } = await serve(makeApp({ ...OPTIONS, clock }));
    const client = new Client(port);
    client.send(request('POST /api/nothing', ['Content-Length: 5000']));
    await client.answer();
    client.socket.destroy();
    const left = (): Promise<number> =>
      new Promise((resolve) => void server.getConnections((_error, count) => resolve(count)));
    while ((await left()) > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await left()).toBe(0);
    await close();
  });

  test('with a body where none belongs: what follows may not be what it seems (RFC 9110 §9.3.1)', async () => {
    await withClient(makeApp({ bodyless: ['GET'] }), async (client) => {
      client.send(withBody('GET /api/x', 'GET /rule HTTP/1.1\r\nHost: x\r\n\r\n') + ECHO);
      const answer = await client.answer();
      expect(answer.status).toBe(400);
      expect(answer.head).toMatch(/connection: close/i);
      await client.end();
    });
  });
});

describe('Expect: 100-continue (RFC 9110 §10.1.1)', () => {
  const ask = (path: string, length = 4): string =>
    request(`POST ${path}`, [
      'Content-Type: text/plain',
      `Content-Length: ${length}`,
      'Expect: 100-continue',
    ]);

  async function withServer(use: (client: Client) => Promise<void>): Promise<void> {
    // Its time stands still: nothing is waited for.
    const early = earlyAnswers({ ...OPTIONS, clock: fakeClock() });
    const app = express().use(early);
    addRoutes(app);
    const { server, close } = await serve(app);
    early.serve(server);
    const client = new Client((server.address() as { port: number }).port);
    try {
      await use(client);
    } finally {
      client.socket.destroy();
      await early.close?.();
      expect(server.listenerCount('checkContinue')).toBe(0);
      await close();
    }
  }

  test.each([
    ['/typed', 415],
    ['/short', 413],
    ['/api/nothing', 404],
    ['/rule', 200],
  ])('%s is answered %d before the body is asked for', async (path, status) => {
    await withServer(async (client) => {
      client.send(ask(path, 5000));
      const answer = await client.answer();
      expect(answer.status).toBe(status);
      await client.end();
    });
  });

  test('what passes is told to go on, and answered', async () => {
    await withServer(async (client) => {
      client.send(ask('/echo'));
      expect((await client.answer()).status).toBe(100);
      client.send('body');
      expect((await client.answer()).body).toBe('got body');
      client.send(ECHO);
      expect((await client.answer()).body).toBe('got next');
    });
  });

  test('under setup the servers are known', async () => {
    const app = express();
    const stack = setup(app, [earlyReturn(OPTIONS)]);
    addRoutes(app);
    const server = await stack.listen(0, '127.0.0.1');
    const client = new Client((server.address() as { port: number }).port);
    try {
      client.send(ask('/typed'));
      expect((await client.answer()).status).toBe(415);
      await client.end();
      const other = new Client((server.address() as { port: number }).port);
      other.send(ask('/echo'));
      expect((await other.answer()).status).toBe(100);
      other.send('body');
      expect((await other.answer()).body).toBe('got body');
      other.socket.destroy();
    } finally {
      client.socket.destroy();
      await stack.close();
    }
  });

  test('a server whose owner answers expectations is left to him', async () => {
    const early = earlyAnswers(OPTIONS);
    const app = express().use(early);
    addRoutes(app);
    const { server, close } = await serve(app);
    server.on('checkContinue', (req, res) => {
      res.writeContinue();
      server.emit('request', req, res);
    });
    early.serve(server);
    expect(server.listenerCount('checkContinue')).toBe(1);
    await close();
  });

  test('an expectation that is no 100-continue is 417', async () => {
    await withServer(async (client) => {
      client.send(request('POST /echo', ['Content-Length: 4', 'Expect: wonders'], 'body'));
      expect((await client.answer()).status).toBe(417);
    });
  });
});

test('hostile heads are answered or cut, never with 500', async () => {
  const app = makeApp({ ...OPTIONS, maxHeaderLines: 2000, maxUrlBytes: 20_000 });
  app.use(((error: { status?: number }, _req, res, _next) => {
    res.status(error.status ?? 500).end();
  }) as express.ErrorRequestHandler);
  for (const line of [
    'GET /%',
    'GET /%E0%A4%A',
    'GET http://[::1/x',
    'GET //',
    'GET /api/%00',
    'GET /api//x',
    `GET /api/${'../'.repeat(500)}`,
    'OPTIONS /%ff',
    'OPTIONS //x',
    'GET ?x',
    'GET /?'.padEnd(9000, '?'),
  ]) {
    await withClient(app, async (client) => {
      client.send(request(line, ['Connection: close']));
      const { status } = await client.answer();
      expect([line.slice(0, 40), status >= 200 && status < 500]).toEqual([line.slice(0, 40), true]);
      await once(client.socket, 'close');
    });
  }
});
