import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFile } from 'node:fs/promises';

import { FAULT_CHANNEL } from '@org/core';
import { container } from '@org/di';

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value));

/** Not a promise, but it can be awaited. */
const thenable = <T>(value: T): PromiseLike<T> => ({
  // oxlint-disable-next-line unicorn/no-thenable -- what the test is about
  then: (...listeners) => Promise.resolve(value).then(...listeners),
});

describe('lifetimes', () => {
  test('a singleton is made once, a scoped one per scope, a transient one each time', () => {
    let made = 0;
    const built = container()
      .singleton('one', [], () => ({ n: ++made }))
      .scoped('each', ['one'], (one) => ({ n: ++made, one }))
      .transient('always', ['one'], () => ({ n: ++made }))
      .build();
    const [first, second] = [built.scope(), built.scope()];
    expect(first.get('each')).toBe(first.get('each'));
    expect(first.get('each')).not.toBe(second.get('each'));
    expect(first.get('each').one).toBe(second.get('each').one);
    expect(first.get('always')).not.toBe(first.get('always'));
    expect(built.get('one')).toBe(first.get('one'));
    expect(built.stats()).toEqual({ madeTotal: 5, disposedTotal: 0, disposeErrorsTotal: 0 });
  });

  test('undefined, null and false are instances like others', () => {
    let made = 0;
    const built = container()
      .singleton('nothing', [], () => void made++)
      .value('no', false)
      .value('none', null)
      .build();
    expect([
      built.get('nothing'),
      built.get('nothing'),
      built.get('no'),
      built.get('none'),
    ]).toEqual([undefined, undefined, false, null]);
    expect(made).toBe(1);
  });

  test('what is scoped is not to be had without a scope, and the exchange not without a request', () => {
    const built = container()
      .scoped('session', [], () => 1)
      .scoped('caller', ['exchange'], (exchange) => exchange.id)
      .transient('line', ['session'], (session) => session)
      .build();
    // @ts-expect-error: the compiler knows it as well
    expect(() => built.get('session')).toThrow('"session" belongs to a scope');
    // @ts-expect-error: and of what needs it
    expect(() => built.get('line')).toThrow('"session" belongs to a scope');
    expect(() => built.scope().get('caller')).toThrow(
      '"exchange" was needed in a scope that belongs to no request',
    );
    expect(built.scope().get('line')).toBe(1);
  });

  test('an unknown name is told with the one that was meant', async () => {
    const built = container().value('config', 1).build();
    expect(() => built.get('confg' as 'config')).toThrow(
      'there is no service "confg"; did you mean "config"?',
    );
    await expect(built.resolve('x' as 'config')).rejects.toMatchObject({ code: 'ERR_DI_UNKNOWN' });
  });
});

describe('asynchronous factories', () => {
  test('run once, however many ask meanwhile, and are ready from start() on', async () => {
    let made = 0;
    const built = container()
      .singleton('pool', [], () => later({ n: ++made }))
      .singleton('users', ['pool'], (pool) => ({ pool }))
      .scoped('session', ['users'], ({ pool }) => later(pool.n))
      .build();
    const [one, other] = await Promise.all([
      built.resolve('users'),
      built.resolve('users'),
      built.start(),
    ]);
    expect([one, made]).toEqual([other, 1]);
    expect(built.get('users').pool.n).toBe(1);
    const scope = built.scope();
    expect(await Promise.all([scope.resolve('session'), scope.resolve('session')])).toEqual([1, 1]);
    expect(scope.get('session')).toBe(1);
    expect(built.stats().madeTotal).toBe(3);
  });

  test('before they are ready, whoever asks at once is told what to do, and has it begun', async () => {
    const built = container()
      .singleton('pool', [], () => later('pool'))
      .singleton('users', ['pool'], (pool) => `users of ${pool}`)
      .build();
    expect(() => built.get('users')).toThrow(
      'di: "users" needs "pool", which is made asynchronously, and not ready. Await start() of its container before the first request, or await resolve("users").',
    );
    expect(() => built.get('pool')).toThrow('"pool" is made asynchronously');
    await built.resolve('users');
    expect(built.get('users')).toBe('users of pool');
    expect(built.stats().madeTotal).toBe(2);
    const perScope = container()
      .scoped('session', [], () => later('session'))
      .build();
    // start() would be of no use here.
    expect(() => perScope.scope().get('session')).toThrow(
      'di: "session" is made asynchronously, and not ready. Await resolve("session").',
    );
  });

  test('may promise in whatever way, and what needs no waiting is there at once', async () => {
    const built = container()
      // Promises of Node itself are none of the realm that tests run in.
      .singleton('file', [], () => readFile(__filename, 'utf8'))
      .singleton('answer', [], () => thenable(42))
      .scoped('line', ['file'], (text) => text.split('\n')[0])
      .build();
    expect(() => built.get('file')).toThrow('"file" is made asynchronously');
    expect(() => built.get('answer')).toThrow('"answer" is made asynchronously');
    await built.start();
    expect(built.get('answer')).toBe(42);
    const scope = built.scope();
    const [line] = [scope.resolve('line'), scope.get('line')];
    expect(await line).toContain('import');
    expect(scope.get('line')).toBe(await line);
  });

  test('that fail while nobody waits for them any more bring down nobody', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const built = container()
      .scoped('late', [], () => later(0).then(() => Promise.reject(new Error('late'))))
      .transient('fleeting', [], () => Promise.reject(new Error('fleeting')))
      .scoped('now', [], () => {
        throw new Error('now');
      })
      .scoped('all', ['late', 'fleeting', 'now'], () => 'all')
      .build();
    const scope = built.scope();
    await expect(scope.resolve('all')).rejects.toThrow('now');
    expect(() => scope.get('late')).toThrow('"late" is made asynchronously');
    await scope.dispose();
    await later(undefined);
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that fail are heard by all who wait, and tried again by the next', async () => {
    let tries = 0;
    const built = container()
      .scoped('shaky', [], () => {
        tries++;
        return tries === 1 ? Promise.reject(new Error('away')) : later('here');
      })
      .build();
    const scope = built.scope();
    const both = await Promise.allSettled([scope.resolve('shaky'), scope.resolve('shaky')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await scope.resolve('shaky')).toBe('here');
    expect(tries).toBe(2);
  });

  test('a start that fails frees what was made, and says why', async () => {
    const freed: string[] = [];
    const built = container()
      .singleton('pool', [], () => later('pool'), { dispose: (pool) => void freed.push(pool) })
      .singleton('broken', ['pool'], () => Promise.reject(new Error('no such host')))
      .build();
    await expect(built.start()).rejects.toMatchObject({
      code: 'ERR_DI_START',
      message: 'di: "broken" could not be made: no such host',
      cause: new Error('no such host'),
    });
    expect(freed).toEqual(['pool']);
    expect(() => built.get('pool')).toThrow('the container is closed');
  });
});

describe('disposal', () => {
  /** A container that writes down what is freed. */
  const noting = (freed: string[]) => {
    const dispose = (name: string): void => void freed.push(name);
    return container()
      .singleton('pool', [], () => 'pool', { dispose })
      .scoped('session', ['pool'], () => 'session', { dispose })
      .scoped('work', ['session'], () => later('work'), {
        dispose: async (name) => {
          await later(undefined);
          freed.push(name);
        },
      })
      .build();
  };

  test('is in the reverse order, waits for each, and happens once', async () => {
    const freed: string[] = [];
    const built = noting(freed);
    const scope = built.scope();
    await scope.resolve('work');
    await Promise.all([scope.dispose(), scope.dispose()]);
    expect(freed).toEqual(['work', 'session']);
    await built.dispose();
    expect(freed).toEqual(['work', 'session', 'pool']);
    expect(built.stats().disposedTotal).toBe(3);
  });

  test.each([[['session']], [[]]])(
    'frees what was still being made, before what it was made of: %j',
    async (needs) => {
      const freed: string[] = [];
      const dispose = (name: string): void => void freed.push(name);
      let finish = (): void => undefined;
      const slow = new Promise<string>((resolve) => (finish = () => resolve('work')));
      const built = container()
        .scoped('session', [], () => 'session', { dispose })
        .scoped('work', needs as ['session'], () => slow, { dispose })
        .build();
      const scope = built.scope();
      const work = scope.resolve('work');
      const ended = scope.dispose();
      expect(() => scope.get('session')).toThrow('asked for after its scope had ended');
      await expect(scope.resolve('work')).rejects.toMatchObject({ code: 'ERR_DI_CLOSED' });
      await later(undefined);
      expect(freed).toEqual([]);
      finish();
      expect(await work).toBe('work');
      await ended;
      expect(freed).toEqual(['work', ...needs]);
    },
  );

  test('goes on past one that fails, which is reported', async () => {
    const faults: unknown[] = [];
    const note = (fault: unknown): void => void faults.push((fault as { where: string }).where);
    subscribe(FAULT_CHANNEL, note);
    const freed: string[] = [];
    const built = container()
      .singleton('first', [], () => 'first', { dispose: (name) => void freed.push(name) })
      .singleton('second', ['first'], () => 'second', {
        dispose: () => {
          throw new Error('stuck');
        },
      })
      .build();
    await built.start();
    await built.dispose();
    unsubscribe(FAULT_CHANNEL, note);
    expect([freed, faults]).toEqual([['first'], ['di dispose second']]);
    expect(built.stats()).toMatchObject({ disposedTotal: 1, disposeErrorsTotal: 1 });
  });

  test('leaves values to their owner', async () => {
    const value = { dispose: jest.fn() };
    const built = container().value('mine', value).build();
    built.get('mine');
    await built.dispose();
    expect(value.dispose).not.toHaveBeenCalled();
  });
});

describe('overrides', () => {
  test('stand in the place of services and of what those need, and share nothing', async () => {
    const made: string[] = [];
    const built = container()
      .singleton('pool', [], () => {
        made.push('pool');
        return 'real';
      })
      .scoped('users', ['pool'], (pool) => `users of ${pool}`)
      .build();
    const test = built.override({ pool: 'fake', users: undefined });
    expect(test.scope().get('users')).toBe('users of fake');
    expect(made).toEqual([]);
    await test.dispose();
    expect(built.scope().get('users')).toBe('users of real');
  });

  test('leave out of the start what only the replaced ones needed', async () => {
    const made: string[] = [];
    const note = (name: string): string => {
      made.push(name);
      return name;
    };
    const built = container()
      .singleton('pool', [], () => later(note('pool')))
      .singleton('users', ['pool'], () => note('users'))
      .singleton('clock', [], () => note('clock'))
      .singleton('log', ['clock'], () => note('log'))
      .build();
    const test = built.override({ users: 'nobody' }).override({ log: 'silence' });
    await test.start();
    expect([made, test.get('users'), test.get('log')]).toEqual([[], 'nobody', 'silence']);
    expect(test.graph().map(({ name }) => name)).toEqual(['users', 'log']);
    // Whoever asks for it all the same has it.
    expect([test.get('clock'), await test.resolve('pool')]).toEqual(['clock', 'pool']);
    await built.start();
    expect(made).toEqual(['clock', 'pool', 'pool', 'clock', 'log', 'users']);
  });

  test('that make no sense are refused, all at once', () => {
    const built = container().value('pool', 1).value('users', 2).build();
    const wrong = { pol: 1, mail: 2, users: Promise.resolve(3) };
    expect(() => built.override(wrong as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_DI_GRAPH',
        problems: [
          '"pol" cannot be replaced: it is not registered. Did you mean "pool"?',
          '"mail" cannot be replaced: it is not registered.',
          '"users" cannot be replaced by a promise: await it first.',
        ],
      }) as Error,
    );
  });
});
