import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as turn } from 'node:timers/promises';
import { type FakeClock, fakeClock } from '@org/core/testing';
import * as fc from 'fast-check';
import winston from 'winston';

import { type Logging, logging, type LoggingOptions, lineTransport } from '@org/logging';

/** A sink that keeps lines, and may stop taking them. */
function sink() {
  let text = '';
  const writes: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      writes.push(chunk.toString());
      done();
    },
  });
  return {
    stream,
    writes,
    text: () => text,
    raw: () => text.split('\n').slice(0, -1),
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const made: Logging[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) await one.close(AbortSignal.timeout(100));
});

function start(options: Partial<LoggingOptions> = {}) {
  const out = sink();
  const clock: FakeClock = fakeClock();
  const log = logging({
    clock,
    format: 'json',
    transports: [lineTransport(out.stream)],
    ...options,
  });
  made.push(log);
  return { log, out, clock };
}

describe('a line', () => {
  test('has time, level, namespace, message and fields, in JSON', async () => {
    const { log, out, clock } = start({ fields: { service: 'api' } });
    clock.advance(7);
    log.logger('db.pool').info('opened', { size: 3 });
    await log.flush();
    expect(out.lines()).toEqual([
      {
        time: '2026-01-01T00:00:00.007Z',
        level: 'info',
        logger: 'db.pool',
        msg: 'opened',
        service: 'api',
        size: 3,
      },
    ]);
  });

  test('times follow the clock over a second, and back', async () => {
    const { log, out, clock } = start();
    const logger = log.logger();
    for (const step of [999, 1, 60_000]) {
      clock.advance(step);
      logger.info('x');
    }
    await log.flush();
    expect(out.lines().map(({ time }) => time)).toEqual([
      '2026-01-01T00:00:00.999Z',
      '2026-01-01T00:00:01.000Z',
      '2026-01-01T00:01:01.000Z',
    ]);
  });

  test('cannot be forged by its message, its fields, their names, or the namespace', async () => {
    const { log, out } = start();
    const evil = 'x\n{"level":"fatal"}\r\u001b[31m\u009b2J\u2028\u202e\u007f\u0000"\\';
    log.logger(evil).info(evil, { [evil]: evil, nested: { [evil]: [evil] } });
    await log.flush();
    expect(out.raw()).toHaveLength(1);
    // oxlint-disable-next-line no-control-regex
    expect(out.text().slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    const [line] = out.lines();
    expect(line).toMatchObject({
      level: 'info',
      msg: evil,
      [evil]: evil,
      nested: { [evil]: [evil] },
    });
  });

  test('every text comes back from the line as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        const { log, out } = start({ redactDefaults: false });
        log.logger().info(text, { text });
        await log.flush();
        expect(out.raw()).toHaveLength(1);
        expect(out.lines()[0]).toMatchObject({ msg: text, text });
        await log.close();
      }),
      { numRuns: 100 },
    );
  });

  test('fields that are named like the line’s own parts do not take their place', async () => {
    const { log, out } = start();
    log.logger().info('real', { msg: 'forged', level: 'fatal', time: 'never', requestId: 'mine' });
    await log.flush();
    expect(out.lines()[0]).toMatchObject({
      msg: 'real',
      level: 'info',
      _msg: 'forged',
      _level: 'fatal',
      _time: 'never',
      _requestId: 'mine',
    });
  });

  test('any value ends in a line: cycles, getters that throw, hostile proxies, huge objects', async () => {
    const { log, out } = start();
    const cycle: Record<string, unknown> = { name: 'a' };
    cycle['self'] = cycle;
    const hostile = new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('no keys');
        },
      },
    );
    log.logger().info('values', {
      cycle,
      get broken(): string {
        throw new Error('no value');
      },
      hostile,
      big: 10n ** 20n,
      nan: Number.NaN,
      map: new Map([['a', 1]]),
      set: new Set([1]),
      date: new Date(0),
      bytes: Buffer.from('abc'),
      socket: new PassThrough(),
      none: undefined,
      call: () => 1,
      wrong: new Date(Number.NaN),
      list: Array.from({ length: 300 }, (_, at) => at),
    });
    log.logger().info('hostile whole', hostile);
    log.logger().info('long', { text: 'x'.repeat(100_000) });
    log
      .logger()
      .info('wide', Object.fromEntries(Array.from({ length: 999 }, (_, n) => [`k${n}`, n])));
    await log.flush();
    const [values, whole, long, wide] = out.lines();
    expect(values).toMatchObject({
      cycle: { name: 'a', self: '[circular]' },
      broken: '[unreadable: no value]',
      hostile: '[unreadable: no keys]',
      big: '100000000000000000000',
      nan: 'NaN',
      map: { a: 1 },
      set: [1],
      date: '1970-01-01T00:00:00.000Z',
      bytes: '[Buffer of 3 bytes]',
      socket: '[PassThrough]',
      wrong: 'Invalid Date',
    });
    expect(values).not.toHaveProperty('none');
    expect(values).not.toHaveProperty('call');
    expect(values!['list']).toHaveLength(201);
    expect(whole).toMatchObject({ msg: 'hostile whole', fieldsError: 'no keys' });
    expect(String(long!['text']).length).toBeLessThan(9000);
    expect(Object.keys(wide!).length).toBeLessThan(210);
  });

  test('no fields, and no idea of the request, throw at who logs', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const refuse = (): never => {
      throw new Error('no');
    };
    const hostile = new Proxy({}, { ownKeys: refuse, getPrototypeOf: refuse });
    const { log, out } = start({ fields: { service: 'api' }, current: refuse });
    const broken = {
      n: 1,
      get service(): string {
        return refuse();
      },
    };
    const logger = log.logger();
    for (const fields of [null, 'text', hostile, broken]) logger.info('x', fields as object);
    logger.error(new Error('e'), broken);
    logger.child(broken).info('x', broken);
    logger.error(hostile as Error);
    log.of(null as never).info('x');
    await log.flush();
    const shown = { n: 1, service: '[unreadable: no]' };
    expect(out.lines()).toMatchObject([
      { service: 'api' },
      { service: 'api', value: 'text' },
      { service: 'api', fieldsError: 'no' },
      shown,
      { err: { message: 'e' }, ...shown },
      shown,
      { level: 'error' },
      { msg: 'x' },
    ]);
    expect(warned).toHaveBeenCalledTimes(1);
    expect(String(warned.mock.calls[0]![0])).toContain('"current" failed: no');
    warned.mockRestore();
  });

  test('of a huge map or set only what is written is read', async () => {
    const { log, out } = start();
    let read = 0;
    class Counting extends Set<number> {
      override *[Symbol.iterator](): SetIterator<number> {
        while (read < 5000) yield read++;
      }
    }
    log.logger().info('x', { set: new Counting() });
    await log.flush();
    expect(out.lines()[0]!['set']).toHaveLength(201);
    expect(read).toBeLessThan(210);
  });

  test('the whole of a line is bounded, however much it is given', async () => {
    const { log, out } = start();
    const text = 'x'.repeat(9000);
    log.logger().info('much', { list: Array.from({ length: 200 }, () => [text, text, text]) });
    await log.flush();
    expect(out.raw()[0]!.length).toBeLessThan(100_000);
  });
});

describe('where winston 3.19 fails its users', () => {
  test('a child’s fields win over the instance’s, and the call’s over the child’s', async () => {
    const { log, out } = start({ fields: { service: 'api', part: 'none' } });
    const child = log.logger().child({ part: 'orders', step: 1 });
    child.info('a');
    child.info('b', { step: 2 });
    child.child({ step: 3 }).info('c');
    await log.flush();
    expect(out.lines().map(({ service, part, step }) => [service, part, step])).toEqual([
      ['api', 'orders', 1],
      ['api', 'orders', 2],
      ['api', 'orders', 3],
    ]);
    for (const line of out.raw()) expect(line.match(/"step":/g)).toHaveLength(1);
  });

  test('a child’s level works, for it and for its own children', async () => {
    const { log, out } = start();
    const parent = log.logger();
    const child = parent.child({ of: 'child' });
    const grandchild = child.child({});
    child.level = 'debug';
    parent.debug('parent');
    child.debug('child');
    grandchild.debug('grandchild');
    grandchild.level = 'ERROR';
    grandchild.warn('too little');
    child.level = undefined;
    child.debug('too late');
    await log.flush();
    expect(out.lines().map(({ msg }) => msg)).toEqual(['child', 'grandchild']);
    expect(grandchild.level).toBe('error');
  });

  test('an error keeps message, stack, code and cause, wherever it stands', async () => {
    const { log, out } = start();
    const cause = new TypeError('root');
    const error = Object.assign(new Error('boom', { cause }), { code: 'E_BOOM' });
    const logger = log.logger();
    logger.error('as err', { err: error });
    logger.error('as fields', error);
    logger.error(error);
    logger.error('deep', { a: [{ error }] });
    logger.error(new AggregateError([new Error('one')], 'many'));
    await log.flush();
    const shown = {
      type: 'Error',
      message: 'boom',
      code: 'E_BOOM',
      stack: expect.stringContaining('lines.test'),
      cause: expect.objectContaining({ type: 'TypeError', message: 'root' }),
    };
    const lines = out.lines();
    expect(lines[0]).toMatchObject({ msg: 'as err', err: shown });
    expect(lines[1]).toMatchObject({ msg: 'as fields', err: shown });
    expect(lines[2]).toMatchObject({ msg: 'boom', err: shown });
    expect(lines[3]).toMatchObject({ a: [{ error: shown }] });
    expect(lines[4]).toMatchObject({ err: { errors: [{ message: 'one' }] } });
  });

  test('a slow sink is reported: by health, by statistics, by a warning, and in the log itself', async () => {
    const clock = fakeClock();
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    let release: (() => void) | undefined;
    const taken: string[] = [];
    const slow = new winston.transports.Stream({ stream: new PassThrough() });
    slow.log = (info: { message: string }, next: () => void) => {
      taken.push(info.message);
      release = next;
    };
    const { log } = start({ clock, transports: [slow], maxBufferBytes: 1024, stallMs: 5000 });
    const logger = log.logger();
    logger.info('first');
    void log.flush();
    expect(await log.health!(AbortSignal.timeout(50))).toEqual({ status: 'pass' });
    clock.advance(5000);
    expect(await log.health!(AbortSignal.timeout(50))).toMatchObject({ status: 'warn' });
    for (let n = 0; n < 100; n++) logger.info(`more ${n}`);
    const { droppedTotal } = log.stats() as { droppedTotal: number };
    expect(droppedTotal).toBeGreaterThan(50);
    expect(log.stats()).toMatchObject({ sinks: [{ stalledForMs: 5000 }] });
    expect(warned).toHaveBeenCalledTimes(1);
    expect(String(warned.mock.calls[0]![0])).toContain('lines are dropped');

    // Once the sink works again the log tells of its holes, and health recovers.
    slow.log = (info: { [key: symbol]: string }, next: () => void) => {
      taken.push(info[Symbol.for('message')]!);
      next();
    };
    release!();
    await log.flush();
    logger.info('after');
    await log.flush();
    expect(taken.join('\n')).toContain(`"dropped":${droppedTotal}`);
    expect(await log.health!(AbortSignal.timeout(50))).toEqual({ status: 'pass' });
    warned.mockRestore();
  });
});

describe('levels', () => {
  test.each(['DEBUG', 'Debug', ' debug ', 'verbose'])('%j is debug', async (level) => {
    const { log, out } = start({ level });
    log.logger().debug('seen');
    log.logger().trace('not seen');
    await log.flush();
    expect(out.lines().map(({ msg }) => msg)).toEqual(['seen']);
  });

  test('silent writes nothing, not even what is fatal', async () => {
    const { log, out } = start({ level: 'silent' });
    log.logger().fatal('x');
    await log.flush();
    expect(out.text()).toBe('');
    expect(log.logger().isEnabled('fatal')).toBe(false);
  });

  test('change by namespace while running, and go back by themselves', async () => {
    const { log, out, clock } = start({ levels: { 'db.pool': 'warn' } });
    const [pool, query, http] = ['db.pool', 'db.query', 'http'].map((name) => log.logger(name));
    const all = () => [pool, query, http].forEach((logger) => logger!.debug('d'));
    all();
    log.setLevel('db.*', 'debug', { forMs: 1000 });
    all();
    expect(log.stats()).toMatchObject({ levels: { 'db.*': 'debug' } });
    clock.advance(1000);
    all();
    expect(pool!.level).toBe('warn');
    expect(query!.level).toBe('info');
    await log.flush();
    expect(out.lines().map(({ logger }) => logger)).toEqual(['db.pool', 'db.query']);
  });

  test('the most specific rule wins, and a later one restarts the time', () => {
    const { log, clock } = start();
    log.setLevel('*', 'error');
    log.setLevel('db.*', 'debug', { forMs: 100 });
    log.setLevel('db.pool', 'trace');
    expect(log.logger('db.pool').level).toBe('trace');
    expect(log.logger('db.pool.x').level).toBe('debug');
    expect(log.logger('db').level).toBe('debug');
    expect(log.logger('dbx').level).toBe('error');
    clock.advance(60);
    log.setLevel('db.*', 'debug', { forMs: 100 });
    clock.advance(60);
    expect(log.logger('db.a').level).toBe('debug');
    log.resetLevel('*');
    expect(log.logger('dbx').level).toBe('info');
  });

  test('what is wrong is named, with the fix', () => {
    const { log } = start();
    expect(() => log.setLevel('db.*', 'loud')).toThrow(/one of fatal, error.*but is loud/);
    expect(() => log.setLevel('d b', 'info')).toThrow(/"db\.\*".*but is "d b"/);
    expect(() => log.setLevel('db', 'info', { forMs: 0 })).toThrow(/forMs.*but is 0/);
    expect(() => logging({ level: 'loud' })).toThrow(/"level".*"loud"/);
    expect(() => logging({ redactPaths: ['a..b'] })).toThrow(/redactPaths.*"a\.\.b"/);
    expect(() => logging({ sampleRatios: { loud: 0.5 } })).toThrow(/sampleRatios/);
    for (let n = 0; n < 100; n++) log.setLevel(`n${n}`, 'info');
    expect(() => log.setLevel('one-more', 'info')).toThrow(/reset one/);
  });
});

describe('redaction', () => {
  test('by key, whatever its case and dashes, at any depth, in maps and arrays too', async () => {
    const { log, out } = start({ redactKeys: ['Tax-Number', '*badge'] });
    log.logger().info('x', {
      password: 'S3CRET',
      'Set-Cookie': 'S3CRET',
      user: { dbPassword: 'S3CRET', access_token: 'S3CRET', tax_number: 'S3CRET', name: 'ann' },
      list: [{ apiKey: { value: 'S3CRET' } }],
      map: new Map([['secret', 'S3CRET']]),
      doorBadge: 'S3CRET',
      tokens: 12,
    });
    await log.flush();
    expect(out.text()).not.toContain('S3CRET');
    expect(out.lines()[0]).toMatchObject({ user: { name: 'ann' }, tokens: 12 });
    expect(log.stats()).toMatchObject({ redactedTotal: 8 });
  });

  test('by path, with stars', async () => {
    const { log, out } = start({ redactPaths: ['user.card', 'items[*].code', '*.inner.x'] });
    log.logger().info('x', {
      user: { card: 'S3CRET', card2: 'kept' },
      card: 'kept',
      items: [{ code: 'S3CRET' }, { code: 'S3CRET', n: 1 }],
      any: { inner: { x: 'S3CRET', y: 1 } },
    });
    await log.flush();
    expect(out.lines()[0]).toMatchObject({
      user: { card: '[redacted]', card2: 'kept' },
      card: 'kept',
      items: [{ code: '[redacted]' }, { code: '[redacted]', n: 1 }],
      any: { inner: { x: '[redacted]', y: 1 } },
    });
  });

  test('by pattern, inside messages, errors and fields, also at the edge of a cut', async () => {
    const { log, out } = start({ redactPatterns: [/S3CRET-\d+/g] });
    const jwt = `eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}`;
    log.logger().info(`it was S3CRET-1 and S3CRET-2`, { h: `Bearer ${'t'.repeat(20)}`, jwt });
    log.logger().error(new Error('postgres://ann:S3CRETpw@db/x failed'));
    log.logger().info('cut', { text: `${'x'.repeat(8189)}S3CRET-3` });
    log.logger().info('redis://:S3CRETpw@cache/0', { 'S3CRET-4': 1, at: `x-${jwt}` });
    await log.flush();
    expect(out.text()).not.toContain('S3CRET');
    expect(out.text()).not.toContain('ttttt');
    expect(out.text()).not.toContain('bbbbb');
    expect(out.lines()[0]!['msg']).toBe('it was [redacted] and [redacted]');
  });

  test('takes no more steps for a text that a client made to be searched long', () => {
    const { log } = start();
    const took = (text: string): number => {
      const { user } = process.cpuUsage();
      for (let n = 0; n < 20; n++) log.logger().info(text);
      return process.cpuUsage().user - user;
    };
    took('/a.'.repeat(4000));
    // Each start of a token once had the whole rest searched: 70 times the work.
    const plain = Math.max(took('/abcdefghij-'.repeat(1300) + '.'), 1000);
    expect(took(`/${'eyJaaaaaaaa-'.repeat(1300)}.`)).toBeLessThan(20 * plain);
  });

  test('never touches the caller’s objects, and finds secrets in any of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.object({ key: fc.constantFrom('a', 'password', 'x-token', 'list', 'user') }),
        async (fields) => {
          const before = structuredClone(fields);
          const { log, out } = start();
          const spoiled = { fields, deep: { password: fields, list: [{ token: 'S3CRET' }] } };
          log.logger().child(spoiled).info('x', fields);
          await log.flush();
          expect(fields).toEqual(before);
          expect(out.text()).not.toContain('S3CRET');
          const shown = (value: unknown): unknown[] =>
            typeof value !== 'object' || value === null
              ? []
              : Object.entries(value).flatMap(([key, member]) =>
                  /password|token/.test(key) ? [member] : shown(member),
                );
          expect(shown(out.lines()[0]).filter((one) => one !== '[redacted]')).toEqual([]);
          await log.close();
        },
      ),
      { numRuns: 100 },
    );
  });

  test('can do without the built-in rules', async () => {
    const { log, out } = start({ redactDefaults: false });
    log.logger().info('x', { password: 'shown' });
    await log.flush();
    expect(out.lines()[0]).toMatchObject({ password: 'shown' });
  });
});

describe('buffering', () => {
  test('many lines go in one write, after the interval', async () => {
    const { log, out, clock } = start({ flushIntervalMs: 100 });
    for (let n = 0; n < 50; n++) log.logger().info(`${n}`);
    clock.advance(99);
    await turn();
    expect(out.writes).toHaveLength(0);
    clock.advance(1);
    await turn();
    expect(out.writes).toHaveLength(1);
    expect(out.lines().map(({ msg }) => Number(msg))).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    );
    expect(log.stats()).toMatchObject({ writtenTotal: 50, bufferedLines: 0, bufferedBytes: 0 });
  });

  test('close writes what is left and ends the transports, twice is once, and later lines are counted as dropped', async () => {
    const { log, out, clock } = start();
    log.logger().info('last');
    await Promise.all([log.close(), log.close()]);
    await log.close();
    expect(out.lines().map(({ msg }) => msg)).toEqual(['last']);
    log.logger().info('too late');
    expect(log.stats()).toMatchObject({ writtenTotal: 1, droppedTotal: 1, bufferedLines: 0 });
    expect(clock.pending).toBe(0);
    expect(process.listeners('exit').some((one) => one.name === 'onExit')).toBe(false);
    expect(out.stream.writableEnded).toBe(false);
  });

  test('close gives up on a stuck transport when its signal aborts, and counts what is lost', async () => {
    const stuck = new winston.transports.Stream({ stream: new PassThrough() });
    stuck.log = () => undefined;
    const { log } = start({ transports: [stuck] });
    for (let n = 0; n < 5; n++) log.logger().info('x');
    await log.close(AbortSignal.abort());
    expect(log.stats()).toMatchObject({ writtenTotal: 0, droppedTotal: 5 });
  });

  test('close gives up on a stuck transport by itself after stallMs', async () => {
    const stuck = new winston.transports.Stream({ stream: new PassThrough() });
    stuck.log = () => undefined;
    const { log, clock } = start({ transports: [stuck], stallMs: 5000 });
    log.logger().info('x');
    const closed = log.close();
    clock.advance(5000);
    await closed;
    expect(log.stats()).toMatchObject({ writtenTotal: 0, droppedTotal: 1, bufferedLines: 0 });
    expect(clock.pending).toBe(0);
  });

  test('a process that ends by itself, by process.exit or by an error has written everything', async () => {
    const source = new URL('../src/index.ts', `file://${__filename}`).pathname;
    const run = (how: string): string => {
      const script = `import { logging } from ${JSON.stringify(source)};
        const log = logging({ format: 'json' });
        log.logger().info('last words');
        ${how}`;
      const args = [
        '--import',
        'tsx',
        '--conditions=@org/source',
        '--input-type=module',
        '-e',
        script,
      ];
      return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
    };
    for (const how of ['', 'process.exit(0);', 'throw new Error("uncaught");']) {
      expect(run(how)).toContain('"msg":"last words"');
    }
  });

  test('a stream that is full holds lines back until it drains', async () => {
    const narrow = new PassThrough({ highWaterMark: 10 });
    const { log } = start({ transports: [lineTransport(narrow)] });
    log.logger().info('one');
    const flushed = log.flush();
    await turn();
    expect(log.stats()).toMatchObject({ writtenTotal: 0, bufferedLines: 1 });
    narrow.resume();
    await flushed;
    expect(log.stats()).toMatchObject({ writtenTotal: 1, bufferedLines: 0 });
  });

  test('lines are flushed when the process exits', async () => {
    const { log, out } = start();
    log.logger().info('on the way out');
    for (const listener of process.listeners('exit')) {
      if (listener.name.includes('onExit')) (listener as () => void)();
    }
    expect(out.raw()).toHaveLength(1);
  });
});

describe('winston transports', () => {
  test('get each line with its members, redacted, and filter by their own level and format', async () => {
    const infos: Record<string, unknown>[] = [];
    const errors: Record<string, unknown>[] = [];
    class Keep extends (winston.transports.Stream as unknown as new (
      o: object,
    ) => winston.transport) {
      declare level?: string;
      override log = (info: Record<string, unknown>, next: () => void): void => {
        (this.level === 'error' ? errors : infos).push(info);
        next();
      };
    }
    const stream = new PassThrough();
    const { log } = start({
      transports: [
        new Keep({ stream }),
        new Keep({
          stream,
          level: 'error',
          format: winston.format((info) => ({ ...info, formatted: true }))(),
        }),
      ],
    });
    log.logger().info('a', { n: 1, password: 'S3CRET' });
    log.logger().error('b');
    await log.flush();
    expect(infos).toMatchObject([
      { message: 'a', level: 'info', n: 1 },
      { message: 'b', level: 'error' },
    ]);
    expect(errors).toMatchObject([{ message: 'b', level: 'error', formatted: true }]);
    expect(JSON.stringify(infos)).not.toContain('S3CRET');
  });

  test('lose no line to a field that winston has a use of its own for', async () => {
    const infos: Record<string, unknown>[] = [];
    const keep = new winston.transports.Stream({ stream: new PassThrough() });
    keep.log = (info: Record<string, unknown>, next: () => void) => {
      infos.push(info);
      next();
    };
    const format = winston.format((info) => info)();
    const { log } = start({ transports: [Object.assign(keep, { format })] });
    log.logger().info('said', { exception: true, message: 'a field' });
    await log.flush();
    expect(infos).toMatchObject([{ message: 'said', _exception: true, _message: 'a field' }]);
  });

  test('winston’s own File has every line when close resolves, however many wait for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'logging-'));
    try {
      const filename = join(folder, 'all.log');
      const { log } = start({ transports: [new winston.transports.File({ filename })] });
      for (let n = 0; n < 5000; n++) log.logger().info(`${n}`);
      await log.close();
      const told = readFileSync(filename, 'utf8').split('\n').slice(0, -1);
      expect(told.map((line) => Number((JSON.parse(line) as { msg: string }).msg))).toEqual(
        Array.from({ length: 5000 }, (_, n) => n),
      );
      expect(log.stats()).toMatchObject({ writtenTotal: 5000, droppedTotal: 0 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a stream that fails, or is closed, fails its transport and nothing else', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const closed = new PassThrough().destroy();
    const { log } = start({ transports: [lineTransport(broken), lineTransport(closed)] });
    for (let n = 0; n < 2; n++) {
      log.logger().info('x');
      await log.flush();
      await turn();
    }
    const { failedTotal } = log.stats() as { failedTotal: number };
    expect(failedTotal).toBeGreaterThanOrEqual(3);
    expect(warned.mock.calls.map(([text]) => String(text))).toEqual([
      'logging: lines#1 failed: the stream is closed',
      'logging: lines#0 failed: EPIPE',
    ]);
    expect(await log.health!(AbortSignal.timeout(50))).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('lines#1 fails: 2 lines were lost'),
    });
    await log.close();
    warned.mockRestore();
  });

  test('leave no listener on the stream', async () => {
    const { log, out } = start();
    const before = out.stream.listenerCount('error');
    log.logger().info('x');
    await log.close();
    expect(out.stream.listenerCount('error')).toBe(before);
  });

  test('are none of winston’s code until somebody brings one', () => {
    const source = new URL('../src/index.ts', `file://${__filename}`).pathname;
    const script = `import { createRequire } from 'node:module';
      import { logging } from ${JSON.stringify(source)};
      logging({ format: 'json' }).logger().info('without');
      const loaded = Object.keys(createRequire(${JSON.stringify(source)}).cache);
      console.log(loaded.filter((path) => path.includes('/winston')).length);`;
    const args = [
      '--import',
      'tsx',
      '--conditions=@org/source',
      '--input-type=module',
      '-e',
      script,
    ];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^0\n.*"msg":"without"/),
      stderr: '',
    });
  });

  test('made of a stream serve a winston logger of one’s own: its level, their own, format, silence', async () => {
    const [all, warnings, silent] = [sink(), sink(), sink()];
    const shout = winston.format((info) => {
      const text = `${info.level}! ${String(info.message)}`;
      return info.message === 'drop'
        ? false
        : Object.assign(info, { [Symbol.for('message')]: text });
    })();
    const logger = winston.createLogger({
      level: 'http',
      transports: [
        Object.assign(lineTransport(all.stream), { format: shout }),
        Object.assign(lineTransport(warnings.stream), { level: 'warn' }),
        Object.assign(lineTransport(silent.stream), { silent: true }),
      ],
    });
    logger.debug('below the logger’s level');
    logger.http('drop');
    logger.http('said');
    logger.warn('careful');
    const ended = once(logger, 'finish');
    logger.end();
    await ended;
    expect(all.text()).toBe('http! said\nwarn! careful\n');
    expect(warnings.lines()).toEqual([{ level: 'warn', message: 'careful' }]);
    expect(silent.text()).toBe('');
  });

  test('winston’s own Stream gets a batch in one write, by level', async () => {
    const out = sink();
    const transport = new winston.transports.Stream({ stream: out.stream, level: 'warn' });
    const { log } = start({ transports: [transport] });
    const logger = log.logger();
    logger.info('below the transport’s level');
    logger.warn('a');
    logger.warn('b');
    logger.error('c');
    await log.flush();
    expect(out.lines().map(({ msg }) => msg)).toEqual(['a', 'b', 'c']);
    expect(out.writes).toHaveLength(2);
  });

  test('one that fails is reported once and does not reach the caller', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const broken = new winston.transports.Stream({ stream: new PassThrough() });
    broken.log = () => {
      throw new Error('no disk');
    };
    const { log } = start({ transports: [broken] });
    expect(() => log.logger().info('x')).not.toThrow();
    await log.flush();
    expect(log.stats()).toMatchObject({ failedTotal: 1, writtenTotal: 0 });
    expect(String(warned.mock.calls[0]![0])).toContain('no disk');
    warned.mockRestore();
  });
});

describe('for people', () => {
  test('by themselves only what goes to a terminal is pretty, and a file is not', async () => {
    const [file, screen] = [sink(), sink()];
    const terminal = Object.assign(screen.stream, { isTTY: true });
    const { log } = start({
      format: 'auto',
      transports: [lineTransport(file.stream), lineTransport(terminal)],
    });
    log.logger().info('x');
    await log.flush();
    expect(file.lines()).toMatchObject([{ msg: 'x' }]);
    expect(screen.text()).toMatch(/INFO/);
  });

  test('pretty lines are short, escape what they show, and indent stacks', async () => {
    const { log, out } = start({ format: 'pretty' });
    log.logger('db').info('opened\n\u001b[31mred', { size: 3, name: 'a b', sub: { x: 'a\nb' } });
    const error = new Error('first\n2026-01-01 FATAL forged');
    log.logger().error(error);
    await log.flush();
    const lines = out.raw();
    expect(lines[0]).toBe(
      '00:00:00.000 INFO  [db] opened\\n\\u001b[31mred size=3 name="a b" sub={"x":"a\\\\nb"}',
    );
    expect(lines[1]).toMatch(/^00:00:00\.000 ERROR first\\n/);
    for (const line of lines.slice(2)) expect(line).toMatch(/^ {4}/);
  });
});

describe('sampling', () => {
  test('writes a share of the lines of a level, and says which share', async () => {
    const draws = [0.05, 0.5, 0.09, 0.1];
    const { log, out } = start({
      level: 'debug',
      sampleRatios: { DEBUG: 0.1 },
      random: () => draws.shift()!,
    });
    for (let n = 0; n < 4; n++) log.logger().debug(`${n}`);
    log.logger().info('always');
    await log.flush();
    expect(out.lines().map(({ msg, sampleRatio }) => [msg, sampleRatio])).toEqual([
      ['0', 0.1],
      ['2', 0.1],
      ['always', undefined],
    ]);
    expect(log.stats()).toMatchObject({ sampledOutTotal: 2 });
  });
});
