/** Requests that come and go over real sockets. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  context,
  type Context,
  type ContextManager,
  ROOT_CONTEXT,
  trace as tracing,
} from '@opentelemetry/api';
import express, { type Express, type RequestHandler } from 'express';
import { Agent, request as undiciRequest } from 'undici';
import { type Exchange, exchangeOf, type Fault, FAULT_CHANNEL, OptionError } from '@org/core';
import { serve } from '@org/core/testing';
import { type Correlation, correlation, type CorrelationOptions } from '@org/correlation';
import { setup } from '@org/setup';

type Options = Partial<CorrelationOptions>;
type Lines = readonly (readonly [name: string, value: string])[];

const TRACE = '12345678901234567890123456789012';
const SPAN = '1234567890123456';
const PARENT = `00-${TRACE}-${SPAN}-01`;

/** Sends header lines as they are, and answers the status and headers. */
function send(port: number, lines: Lines = [], path: string = '/'): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const raw = [...lines, ['Host', 'x'], ['Connection', 'close']].flat();
    const sent = httpRequest({ port, host: '127.0.0.1', path, headers: raw as never }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.headers));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** What one request is to the app. */
async function exchangeFor(
  lines: Lines,
  options: Options = {},
  prepare: (app: Express) => void = () => undefined,
): Promise<{ exchange: Exchange; answer: IncomingHttpHeaders; made: Correlation }> {
  const made = correlation(options);
  const app = express();
  prepare(app);
  app.use(made);
  let exchange: Exchange | undefined;
  app.get('/', (req, res) => {
    exchange = exchangeOf(req, res);
    res.send('fine');
  });
  const { port, close } = await serve(app);
  try {
    const answer = await send(port, lines);
    return { exchange: exchange!, answer, made };
  } finally {
    await close();
  }
}

async function faultsDuring(task: () => Promise<unknown>): Promise<number> {
  let faults = 0;
  const listen = (): void => void faults++;
  subscribe(FAULT_CHANNEL, listen);
  try {
    await task();
  } finally {
    unsubscribe(FAULT_CHANNEL, listen);
  }
  return faults;
}

/** A server that remembers the headers it was sent. */
async function collector(): Promise<{
  url: string;
  seen: IncomingHttpHeaders[];
  close(): Promise<void>;
}> {
  const seen: IncomingHttpHeaders[] = [];
  const served = await serve(
    createServer((req, res) => {
      seen.push(req.headers);
      res.end('fine');
    }),
  );
  return { url: served.url, seen, close: () => served.close() };
}

describe('the request id', () => {
  test('is made, stands in the answer, and is the id of the exchange', async () => {
    const { exchange, answer } = await exchangeFor([]);
    expect(answer['x-request-id']).toBe(exchange.id);
    expect(exchange.id).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  test('of a trusted caller is taken over', async () => {
    const { exchange, answer, made } = await exchangeFor([
      ['X-Request-Id', 'job_17:a/b.c~d+e=f@g-h'],
    ]);
    expect(exchange.id).toBe('job_17:a/b.c~d+e=f@g-h');
    expect(answer['x-request-id']).toBe(exchange.id);
    expect(made.stats?.()).toMatchObject({ idsAcceptedTotal: 1, idsReplacedTotal: 0 });
  });

  test.each([
    ['too long', 'x'.repeat(129)],
    ['empty', ''],
    ['with a space', 'a b'],
    ['with a quote', 'a"b'],
    ['with markup', '<script>'],
    ['with a semicolon', 'a;b'],
    ['with a format sign', '%s%n'],
    ['that is not ASCII', 'caf\u00e9'],
    ['given twice', 'a, b'],
  ])('%s is replaced', async (_name, id) => {
    const { exchange, made } = await exchangeFor([['X-Request-Id', id]]);
    expect(exchange.id).not.toBe(id);
    expect(exchange.id).toHaveLength(36);
    expect(made.stats?.()).toMatchObject({ idsReplacedTotal: 1 });
  });

  test('has the header, the length and the silence that one wants', async () => {
    const options = { header: 'X-Correlation-Id', maxLength: 4, respond: false };
    const { exchange, answer } = await exchangeFor([['X-Correlation-Id', 'abcd']], options);
    expect(exchange.id).toBe('abcd');
    expect(answer).not.toHaveProperty('x-correlation-id');
    expect((await exchangeFor([['X-Correlation-Id', 'abcde']], options)).exchange.id).not.toBe(
      'abcde',
    );
  });

  test('can be a counter behind a random prefix, per instance', async () => {
    const first = correlation({ ids: 'counter' });
    const [one, two] = [first.extract({}).id, first.extract({}).id];
    expect(one).toMatch(/^[\w-]{12}\.0$/);
    expect(two).toBe(`${one.slice(0, -1)}1`);
    expect(correlation({ ids: 'counter' }).extract({}).id).not.toBe(one);
  });

  test('can be made by a function; what it makes wrong is replaced and reported', async () => {
    const named = await exchangeFor([], { ids: (exchange) => `own-${exchange!.req.method}` });
    expect(named.exchange.id).toBe('own-GET');
    const bad: CorrelationOptions['ids'][] = [
      () => 'a b',
      () => 1 as never,
      () => {
        throw new Error('no');
      },
    ];
    for (const ids of bad) {
      const faults = await faultsDuring(async () => {
        expect((await exchangeFor([], { ids })).exchange.id).toHaveLength(36);
      });
      expect(faults).toBe(1);
    }
  });

  test('is the same in the answer as in what is reported of the function that made it wrong', async () => {
    const reported: (string | undefined)[] = [];
    const hear = (message: unknown): void => void reported.push((message as Fault).exchange?.id);
    subscribe(FAULT_CHANNEL, hear);
    const { answer } = await exchangeFor([], { ids: () => 'a b' });
    unsubscribe(FAULT_CHANNEL, hear);
    expect(reported).toEqual([answer['x-request-id']]);
  });

  test('that was set later is the one in the answer', async () => {
    const made = correlation();
    const app = express().use(made);
    app.get('/', (req, res) => {
      exchangeOf(req, res).id = 'later';
      res.end();
    });
    const { port, close } = await serve(app);
    expect((await send(port))['x-request-id']).toBe('later');
    await close();
  });
});

describe('Trace Context, as its test suite asks', () => {
  /** A service that calls another one, and what that other one was sent. */
  async function relay(
    lines: Lines,
    calls: number = 1,
    options: Options = {},
  ): Promise<IncomingHttpHeaders[]> {
    const target = await collector();
    const made = correlation(options);
    const app = express().use(made);
    app.get('/', (req, res, next) => {
      const call = made.fetchFor(exchangeOf(req, res));
      Promise.all(Array.from({ length: calls }, () => call(target.url)))
        .then(() => res.send('fine'))
        .catch(next);
    });
    const { port, close } = await serve(app);
    try {
      await send(port, lines);
      return target.seen;
    } finally {
      await close();
      await target.close();
    }
  }

  async function outcome(...lines: Lines): Promise<{ traceId: string; state: string | undefined }> {
    const [headers] = await relay(lines);
    const parent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-0[0-3]$/.exec(headers!.traceparent as string);
    expect(parent).not.toBeNull();
    expect(parent![2]).not.toBe(SPAN);
    return { traceId: parent![1]!, state: headers!.tracestate as string | undefined };
  }

  test('without a traceparent a trace begins, whose id is random, and a tracestate is dropped (§4.3)', async () => {
    const first = await outcome(['tracestate', 'foo=1']);
    expect(first.traceId).not.toBe(TRACE);
    expect(first.state).toBeUndefined();
    const [headers] = await relay([]);
    expect(headers!.traceparent).toMatch(/-03$/);
  });

  test.each([
    ['traceparent', PARENT],
    ['TraceParent', PARENT],
    ['TRACEPARENT', PARENT],
    ['traceparent', ` ${PARENT}`],
    ['traceparent', `\t${PARENT}\t `],
    ['traceparent', `cc-${TRACE}-${SPAN}-01`],
    ['traceparent', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
  ])('%s: %j goes on', async (name, value) => {
    expect((await outcome([name, value])).traceId).toBe(TRACE);
  });

  test.each([
    ['trace-parent', PARENT],
    ['trace.parent', PARENT],
    ['traceparent', `cc-${TRACE}-${SPAN}-01.what`],
    ['traceparent', `ff-${TRACE}-${SPAN}-01`],
    ['traceparent', `.0-${TRACE}-${SPAN}-01`],
    ['traceparent', `0.-${TRACE}-${SPAN}-01`],
    ['traceparent', `000-${TRACE}-${SPAN}-01`],
    ['traceparent', `0000-${TRACE}-${SPAN}-01`],
    ['traceparent', `0-${TRACE}-${SPAN}-01`],
    ['traceparent', `00-${TRACE}-${SPAN}-01.`],
    ['traceparent', `00-${TRACE}3-${SPAN}-01`],
    ['traceparent', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['traceparent', `00-.${TRACE.slice(1)}-${SPAN}-01`],
    ['traceparent', `00-${TRACE}-${SPAN}7-01`],
    ['traceparent', `00-${TRACE}-${SPAN.slice(1)}-01`],
    ['traceparent', `00-${TRACE}-.${SPAN.slice(1)}-01`],
    ['traceparent', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['traceparent', `00-${TRACE}-${SPAN}-.0`],
    ['traceparent', `00-${TRACE}-${SPAN}-0.`],
    ['traceparent', `00-${TRACE}-${SPAN}-001`],
    ['traceparent', `00-${TRACE}-${SPAN}-1`],
  ])('%s: %j begins anew, and drops tracestate', async (name, value) => {
    const { traceId, state } = await outcome([name, value], ['tracestate', 'foo=1']);
    expect(traceId).not.toBe(TRACE);
    expect(state).toBeUndefined();
  });

  test('two traceparents are none', async () => {
    const { traceId } = await outcome(['traceparent', PARENT], ['traceparent', PARENT]);
    expect(traceId).not.toBe(TRACE);
  });

  test.each<[Lines, string | undefined]>([
    [[['tracestate', 'foo=1,bar=2']], 'foo=1,bar=2'],
    [[['TraceState', 'foo=1']], 'foo=1'],
    [[['trace-state', 'foo=1']], undefined],
    [[['tracestate', '']], undefined],
    [
      [
        ['tracestate', 'foo=1'],
        ['tracestate', ''],
      ],
      'foo=1',
    ],
    [
      [
        ['tracestate', ''],
        ['tracestate', 'foo=1'],
      ],
      'foo=1',
    ],
    [
      [
        ['tracestate', 'foo=1,bar=2'],
        ['tracestate', 'rojo=1,congo=2'],
        ['tracestate', 'baz=3'],
      ],
      'foo=1,bar=2,rojo=1,congo=2,baz=3',
    ],
    [
      [
        ['tracestate', 'foo=1'],
        ['tracestate', 'foo=2'],
      ],
      undefined,
    ],
    [[['tracestate', 'foo=1 \t , \t bar=2, \t baz=3']], 'foo=1,bar=2,baz=3'],
    [
      [
        ['tracestate', 'foo=1'],
        ['tracestate', `${'z'.repeat(257)}=1`],
      ],
      undefined,
    ],
    [[['tracestate', 'foo@bar@baz=1,bar=2']], undefined],
  ])('%j passes on as %s', async (lines, expected) => {
    const { traceId, state } = await outcome(['traceparent', PARENT], ...lines);
    expect(traceId).toBe(TRACE);
    expect(state).toBe(expected);
  });

  test('each call has a span of its own', async () => {
    for (const lines of [[], [['traceparent', PARENT]]] as Lines[]) {
      const parents = (await relay(lines, 3)).map(({ traceparent }) =>
        String(traceparent).split('-'),
      );
      expect(new Set(parents.map(([, trace]) => trace)).size).toBe(1);
      expect(new Set(parents.map(([, , span]) => span)).size).toBe(3);
    }
  });

  test('the random flag goes on unchanged with its trace id (level 2 §3.2.2.5.2)', async () => {
    for (const [given, expected] of [
      ['02', '02'],
      ['03', '03'],
      ['00', '00'],
      ['ff', '03'],
    ] as const) {
      const [headers] = await relay([['traceparent', `00-${TRACE}-${SPAN}-${given}`]]);
      expect(String(headers!.traceparent).slice(-2)).toBe(expected);
    }
  });

  test('an own member stands first in tracestate, and names the span of the call', async () => {
    const lines: Lines = [
      ['traceparent', PARENT],
      ['tracestate', 'foo=1,acme=0'],
    ];
    const [headers] = await relay(lines, 1, { tracestateKey: 'acme' });
    const span = String(headers!.traceparent).split('-')[2];
    expect(headers!.tracestate).toBe(`acme=${span},foo=1`);
  });

  test('B3 comes in and W3C goes out, or the other way round, or all of it', async () => {
    const b3: Lines = [['b3', `${TRACE}-${SPAN}-0`]];
    const [asW3c] = await relay(b3, 1, { extract: ['w3c', 'b3'] });
    expect(asW3c!.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    const [asB3] = await relay([['traceparent', PARENT]], 1, { inject: ['b3', 'b3multi'] });
    expect(asB3).not.toHaveProperty('traceparent');
    const [, trace, span, , parent] = /^(\w{32})-(\w{16})-(1)-(\w{16})$/.exec(String(asB3!.b3))!;
    expect(trace).toBe(TRACE);
    expect(asB3).toMatchObject({
      'x-b3-traceid': TRACE,
      'x-b3-spanid': span,
      'x-b3-parentspanid': parent,
      'x-b3-sampled': '1',
    });
    const [unsampled] = await relay([['x-b3-sampled', '0']], 1, { extract: ['b3multi'] });
    expect(unsampled!.traceparent).toMatch(/-02$/);
    const debug: Options = { extract: ['b3multi'], sampleRatio: 0 };
    const [debugged] = await relay([['x-b3-flags', '1']], 1, debug);
    expect(debugged!.traceparent).toMatch(/-03$/);
  });

  test('the exchange knows its place', async () => {
    const { exchange, made } = await exchangeFor([
      ['traceparent', PARENT],
      ['tracestate', 'foo=1'],
    ]);
    expect(exchange.trace).toEqual({
      traceId: TRACE,
      spanId: expect.stringMatching(/^(?!1234567890123456)[0-9a-f]{16}$/),
      parentSpanId: SPAN,
      sampled: true,
      random: false,
      state: 'foo=1',
    });
    expect(made.stats?.()).toMatchObject({
      tracesContinuedTotal: 1,
      tracesBegunTotal: 0,
      tracesRefusedTotal: 0,
    });
    const refused = await exchangeFor([['traceparent', 'nonsense']]);
    expect(refused.made.stats?.()).toMatchObject({ tracesBegunTotal: 1, tracesRefusedTotal: 1 });
  });

  test('traces can be switched off, and be recorded by a share', async () => {
    const off = await exchangeFor([['traceparent', PARENT]], { trace: false });
    expect(off.exchange.trace).toBeUndefined();
    expect(off.made.inject({}, off.exchange)).toEqual({ 'x-request-id': off.exchange.id });
    expect((await exchangeFor([], { sampleRatio: 0 })).exchange.trace!.sampled).toBe(false);
  });
});

describe('trust', () => {
  const lines: Lines = [
    ['X-Request-Id', 'theirs'],
    ['traceparent', PARENT],
    ['tracestate', 'foo=1'],
    ['baggage', 'user=1'],
  ];

  test.each<[string, CorrelationOptions['trust'], boolean]>([
    ['all', 'continue', true],
    ['loopback', { from: ['loopback'] }, true],
    ['an address', { from: ['127.0.0.1'] }, true],
    ['a subnet', { from: ['127.0.0.0/30'] }, true],
    ['a function', () => 'continue', true],
    ['nobody', { from: [] }, false],
    ['another subnet', { from: ['10.0.0.0/8', 'fc00::/7'] }, false],
    ['a proxy where there is none', { from: ['proxy'] }, false],
    ['none by decision', 'restart', false],
  ])('of %s', async (_name, trust, trusted) => {
    const { exchange, made } = await exchangeFor(lines, { trust, baggage: ['user'] });
    expect(exchange.id === 'theirs').toBe(trusted);
    expect(exchange.trace!.traceId === TRACE).toBe(trusted);
    expect(exchange.trace!.state).toBe(trusted ? 'foo=1' : undefined);
    expect(made.baggage(exchange).get('user')).toBe(trusted ? '1' : undefined);
  });

  test('the proxies that the app trusts', async () => {
    const options: Options = { trust: { from: ['proxy'] } };
    const { exchange } = await exchangeFor(lines, options, (app) =>
      app.set('trust proxy', 'loopback'),
    );
    expect(exchange.id).toBe('theirs');
  });

  test('link begins anew and keeps the caller at hand; restart keeps nothing', async () => {
    const linked = await exchangeFor(lines, { trust: 'link' });
    expect(linked.exchange.id).not.toBe('theirs');
    expect(linked.exchange.trace!.parentSpanId).toBeUndefined();
    expect(linked.made.linked(linked.exchange)).toMatchObject({
      id: 'theirs',
      trace: { traceId: TRACE, spanId: SPAN, state: 'foo=1' },
    });
    const restarted = await exchangeFor(lines, { trust: 'restart' });
    expect(restarted.made.linked(restarted.exchange)).toBeUndefined();
    const plain = await exchangeFor([], { trust: 'link' });
    expect(plain.made.linked(plain.exchange)).toBeUndefined();
  });

  test('a decision that fails restarts and is reported', async () => {
    const bad: CorrelationOptions['trust'][] = [
      () => 'yes' as never,
      () => {
        throw new Error('no');
      },
    ];
    for (const trust of bad) {
      const faults = await faultsDuring(async () => {
        expect((await exchangeFor(lines, { trust })).exchange.id).not.toBe('theirs');
      });
      expect(faults).toBe(1);
    }
  });

  test.each([
    ['trust', { from: ['10.0.0.0/33'] }],
    ['trust', { from: ['example.com'] }],
    ['trust', { from: ['loopback'], inside: 'yes' }],
    ['trust', { from: ['loopback'], outsider: 'link' }],
    ['trust', 'always'],
    ['header', 'a b'],
    ['tracestateKey', 'ACME'],
    ['baggage', ['a b']],
    ['propagateTo', ['https://x/']],
    ['extract', ['jaeger']],
    ['maxLength', 0],
  ])('refuses the option %s: %j', (name, value) => {
    expect(() => correlation({ [name]: value })).toThrow(OptionError);
    expect(() => correlation({ [name]: value })).toThrow(new RegExp(`"${name}" must be`));
  });
});

describe('the context', () => {
  const stacks: [
    string,
    (
      made: Correlation,
      handler: RequestHandler,
    ) => Promise<{ port: number; close(): Promise<unknown> }>,
  ][] = [
    ['on a bare app', (made, handler) => serve(express().use(made).get('/', handler))],
    [
      'under setup',
      async (made, handler) => {
        const app = express();
        const stack = setup(app, [made]);
        app.get('/', handler);
        const server = await stack.listen(0, '127.0.0.1');
        return { port: (server.address() as AddressInfo).port, close: () => stack.close() };
      },
    ],
  ];

  test.each(stacks)(
    '%s follows a request through awaits, timers and requests at once',
    async (_name, start) => {
      const made = correlation({ context: true });
      const seen: (readonly [boolean, string])[] = [];
      const { port, close } = await start(made, (req, res, next) => {
        const exchange = exchangeOf(req, res);
        const work = async (): Promise<void> => {
          await new Promise((resolve) => setImmediate(resolve));
          await Promise.resolve();
          seen.push([made.currentExchange() === exchange, made.current()!.id]);
          res.send('fine');
        };
        work().catch(next);
      });
      try {
        expect(made.currentExchange()).toBeUndefined();
        const answers = await Promise.all(Array.from({ length: 20 }, () => send(port)));
        expect(seen.every(([same]) => same)).toBe(true);
        expect(new Set(seen.map(([, id]) => id))).toEqual(
          new Set(answers.map((one) => one['x-request-id'])),
        );
      } finally {
        await close();
      }
    },
  );

  test('is not there unless it is asked for', async () => {
    const made = correlation();
    expect(made.currentExchange()).toBeUndefined();
    expect(() => made.run({ id: 'x', trace: undefined }, () => 1)).toThrow(/"context"/);
    expect(made.inject({})).toEqual({});
  });

  test('a job takes up where its request left off', async () => {
    const sender = correlation({ baggage: ['user'] });
    const { exchange } = await exchangeFor([['traceparent', PARENT]]);
    sender.baggage(exchange).set('user', 'Ada L.');
    const job = { data: 1, carrier: sender.inject<Record<string, string>>({}, exchange) };
    const sent = structuredClone(job);

    const worker = correlation({ context: true, baggage: ['user'] });
    const taken = worker.extract(sent.carrier);
    expect(taken).toMatchObject({ id: exchange.id, trace: { traceId: TRACE, sampled: true } });
    expect(taken.baggage.get('user')).toBe('Ada L.');
    expect(taken.trace!.parentSpanId).toBe(sent.carrier.traceparent!.split('-')[2]);
    await worker.run(taken, async () => {
      await Promise.resolve();
      expect(worker.current()).toBe(taken);
      expect(worker.currentExchange()).toBeUndefined();
      expect(worker.inject({})).toMatchObject({
        'x-request-id': exchange.id,
        baggage: 'user=Ada%20L.',
      });
    });
    expect(worker.current()).toBeUndefined();
  });

  test('a carrier from outside begins anew', () => {
    const made = correlation({ baggage: ['user'] });
    const carrier = { 'X-Request-Id': 'theirs', Traceparent: [PARENT], baggage: 'user=1' };
    expect(made.extract(carrier)).toMatchObject({ id: 'theirs', trace: { traceId: TRACE } });
    const anew = made.extract(carrier, 'restart');
    expect(anew.id).not.toBe('theirs');
    expect(anew.trace!.traceId).not.toBe(TRACE);
    expect(anew.baggage.size).toBe(0);
    expect(made.extract({ 'x-request-id': 5, traceparent: null })).toMatchObject({
      id: expect.any(String),
    });
    // A job that was queued before there were carriers.
    expect(made.extract(undefined)).toMatchObject({ id: expect.any(String) });
  });
});

describe('outgoing calls', () => {
  const from = { id: 'job-1', trace: { traceId: TRACE, spanId: SPAN, sampled: true } };

  test('fetch carries the context, for every form of its arguments', async () => {
    const target = await collector();
    const made = correlation({ context: true });
    try {
      await made.run(from, async () => {
        await made.fetch(target.url);
        await made.fetch(new URL(target.url), { headers: { 'X-Own': 'yes' } });
        await made.fetch(new Request(target.url, { headers: { 'x-own': 'yes' } }));
      });
      for (const headers of target.seen) {
        expect(headers).toMatchObject({
          'x-request-id': 'job-1',
          traceparent: expect.stringContaining(TRACE),
        });
      }
      expect(target.seen.map((headers) => headers['x-own'])).toEqual([undefined, 'yes', 'yes']);
      await made.fetch(target.url);
      expect(target.seen[3]).not.toHaveProperty('traceparent');
    } finally {
      await target.close();
    }
  });

  test('what the caller has set stays, and nothing of another trace stands beside it', () => {
    const made = correlation();
    const own = { 'X-Request-ID': 'mine', Traceparent: PARENT };
    const state = { ...from, trace: { ...from.trace, state: 'foo=1' } };
    expect(made.inject({ ...own }, state)).toEqual(own);
  });

  test('goes only where it may', async () => {
    const target = await collector();
    try {
      const elsewhere = correlation({ propagateTo: ['api.example.com', '.internal'] });
      await elsewhere.fetchFor(from)(target.url);
      expect(target.seen[0]).not.toHaveProperty('x-request-id');
      const there = correlation({ propagateTo: ['127.0.0.1'] });
      await there.fetchFor(from)(target.url);
      expect(target.seen[1]).toMatchObject({ 'x-request-id': 'job-1' });
      const decided = correlation({ propagateTo: ({ port }) => port === '1' });
      await decided.fetchFor(from)(target.url);
      expect(target.seen[2]).not.toHaveProperty('x-request-id');
    } finally {
      await target.close();
    }
  });

  test('the interceptor of undici carries it, for every form of headers', async () => {
    const target = await collector();
    const made = correlation();
    const dispatcher = new Agent().compose(made.interceptorFor(from));
    try {
      const forms = [
        undefined,
        { 'X-Own': 'yes' },
        ['X-Own', 'yes', 'X-Request-Id', 'mine'],
        new Map([['x-own', 'yes']]),
      ];
      for (const headers of forms) {
        const { body } = await undiciRequest(target.url, {
          dispatcher,
          ...(headers === undefined ? {} : { headers }),
        });
        await body.dump();
      }
      expect(target.seen.map((headers) => headers['x-request-id'])).toEqual([
        'job-1',
        'job-1',
        'mine',
        'job-1',
      ]);
      expect(target.seen.map((headers) => headers['x-own'])).toEqual([
        undefined,
        'yes',
        'yes',
        'yes',
      ]);
      for (const { traceparent } of target.seen) expect(traceparent).toContain(TRACE);
    } finally {
      await dispatcher.close();
      await target.close();
    }
  });
});

describe('OpenTelemetry', () => {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, task, thisArg, ...all) =>
      storage.run(active, () => task.apply(thisArg as never, all)),
    bind: (_active, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  beforeAll(() => void context.setGlobalContextManager(manager));
  afterAll(() => context.disable());

  async function ask(lines: Lines, before?: RequestHandler) {
    const made = correlation({ openTelemetry: true, context: true });
    await made.start?.();
    const app = express();
    if (before !== undefined) app.use(before);
    let seen: {
      exchange: Exchange;
      active: unknown;
      headers: Record<string, unknown>;
      current: boolean;
    };
    app.use(made).get('/', (req, res) => {
      const exchange = exchangeOf(req, res);
      seen = {
        exchange,
        active: tracing.getActiveSpan()?.spanContext(),
        headers: made.inject({}),
        current: made.currentExchange() === exchange,
      };
      res.send('fine');
    });
    const { port, close } = await serve(app);
    await send(port, lines);
    await close();
    return seen!;
  }

  test('what is found here is the active span context below', async () => {
    const { exchange, active, current } = await ask([
      ['traceparent', PARENT],
      ['tracestate', 'foo=1'],
    ]);
    expect(active).toMatchObject({
      traceId: TRACE,
      spanId: exchange.trace!.spanId,
      traceFlags: 1,
      isRemote: true,
    });
    expect((active as { traceState: { serialize(): string } }).traceState.serialize()).toBe(
      'foo=1',
    );
    expect(current).toBe(true);
  });

  test('a span that is active already is the one of the exchange, and of its calls', async () => {
    const place = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    const { exchange, headers } = await ask([['traceparent', PARENT]], (_req, _res, next) => {
      context.with(tracing.setSpanContext(context.active(), place), () => next());
    });
    expect(exchange.trace).toMatchObject({
      traceId: place.traceId,
      spanId: place.spanId,
      sampled: true,
    });
    expect(headers.traceparent).toBe(`00-${place.traceId}-${place.spanId}-01`);
  });
});
