/**
 * DataLoader is the oracle: what its public tests promise is asked of it and of a loader of ours,
 * by the same cases. Where ours differs on purpose, the last block says how.
 */
import DataLoader from 'dataloader';
import { createBatcher, type Loader } from '@org/batch';

interface Options<K> {
  readonly maxBatchSize?: number;
  readonly cache?: boolean;
  readonly cacheKeyFn?: (key: K) => unknown;
  readonly cacheMap?: StashMap;
  readonly schedule?: (dispatch: () => void) => void;
}

type Load<K, V> = (keys: readonly K[]) => Promise<readonly (V | Error)[]>;

type Make = <K, V>(load: Load<K, V>, options?: Options<K>) => Loader<K, V>;

/** A map of one's own, with the least that it needs. */
class StashMap {
  readonly stash: Record<string, unknown> = {};
  get(key: unknown): unknown {
    return this.stash[String(key)];
  }
  set(key: unknown, value: unknown): void {
    this.stash[String(key)] = value;
  }
  delete(key: unknown): void {
    delete this.stash[String(key)];
  }
  clear(): void {
    for (const key of Object.keys(this.stash)) delete this.stash[key];
  }
}

const makers: [string, Make][] = [
  [
    'DataLoader',
    (load, { schedule, ...rest } = {}) => {
      const options: object =
        schedule === undefined ? rest : { ...rest, batchScheduleFn: schedule };
      return new DataLoader(load, options);
    },
  ],
  [
    'a loader of a batcher',
    (load, { cacheMap, ...options } = {}) =>
      createBatcher(load, {
        ...options,
        ...(cacheMap === undefined ? {} : { cacheMap: () => cacheMap }),
      }).loader(),
  ],
];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each(makers)('%s', (_name, make) => {
  /** A loader that gives each key back, and the batches it was asked for. */
  function identity<K>(options?: Options<K>): { loader: Loader<K, K>; batches: (readonly K[])[] } {
    const batches: (readonly K[])[] = [];
    const loader = make<K, K>((keys) => {
      batches.push([...keys]);
      return Promise.resolve(keys);
    }, options);
    return { loader, batches };
  }

  /** Loads even numbers; odd ones are errors. */
  function evens(): { loader: Loader<number, number>; batches: (readonly number[])[] } {
    const batches: (readonly number[])[] = [];
    const loader = make<number, number>((keys) => {
      batches.push([...keys]);
      return Promise.resolve(keys.map((key) => (key % 2 === 0 ? key : new Error(`odd: ${key}`))));
    });
    return { loader, batches };
  }

  describe('loads', () => {
    test('one key, and answers with a promise', async () => {
      const { loader, batches } = identity<number>();
      const promise = loader.load(1);
      expect(promise).toBeInstanceOf(Promise);
      expect(await promise).toBe(1);
      expect(batches).toEqual([[1]]);
    });

    test('several keys in one call, and none', async () => {
      const { loader, batches } = identity<number>();
      expect(await loader.loadMany([2, 1])).toEqual([2, 1]);
      expect(await loader.loadMany([])).toEqual([]);
      expect(await loader.loadMany({ length: 1, 0: 7 })).toEqual([7]);
      expect(batches).toEqual([[2, 1], [7]]);
    });

    test('several keys of which some fail, with the errors in their places', async () => {
      const { loader } = evens();
      expect(await loader.loadMany([2, 3, 4])).toEqual([2, new Error('odd: 3'), 4]);
    });

    test('what is asked for in one tick in one batch, in the order of asking', async () => {
      const { loader, batches } = identity<number>();
      expect(await Promise.all([loader.load(3), loader.load(1), loader.load(2)])).toEqual([
        3, 1, 2,
      ]);
      expect(batches).toEqual([[3, 1, 2]]);
    });

    test('what is asked for in promise jobs of the same tick along with it', async () => {
      const { loader, batches } = identity<string>();
      const later = async (key: string, then: () => unknown = () => undefined): Promise<void> => {
        await Promise.resolve().then(() => Promise.resolve());
        void loader.load(key);
        await then();
      };
      await Promise.all([loader.load('a'), later('b', () => later('c', () => later('d')))]);
      expect(batches).toEqual([['a', 'b', 'c', 'd']]);
    });

    test('through other loaders, which batch as well', async () => {
      const deep = identity<readonly string[]>();
      const outer = (): { loader: Loader<string, string>; batches: (readonly string[])[] } => {
        const batches: (readonly string[])[] = [];
        const loader = make<string, string>((keys) => {
          batches.push([...keys]);
          return deep.loader.load(keys);
        });
        return { loader, batches };
      };
      const [a, b] = [outer(), outer()];
      const loads = [a.loader.load('a1'), b.loader.load('b1'), a.loader.load('a2')];
      expect(await Promise.all(loads)).toEqual(['a1', 'b1', 'a2']);
      expect([a.batches, b.batches]).toEqual([[['a1', 'a2']], [['b1']]]);
      expect(deep.batches).toEqual([[['a1', 'a2'], ['b1']]]);
    });

    test('no more in a batch than its largest size', async () => {
      const { loader, batches } = identity<number>({ maxBatchSize: 2 });
      expect(await loader.loadMany([1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
      expect(batches).toEqual([[1, 2], [3, 4], [5]]);
    });

    test('each by itself where the largest size is 1', async () => {
      const { loader, batches } = identity<number>({ maxBatchSize: 1 });
      expect(await Promise.all([loader.load(1), loader.load(2)])).toEqual([1, 2]);
      expect(batches).toEqual([[1], [2]]);
    });

    test('when a scheduler of one’s own says so', async () => {
      const waiting: (() => void)[] = [];
      const dispatch = (): void => waiting.splice(0).forEach((one) => one());
      const { loader, batches } = identity<string>({ schedule: (one) => void waiting.push(one) });
      void loader.load('a');
      void loader.load('b');
      await turn();
      expect(batches).toEqual([]);
      dispatch();
      void loader.load('a');
      void loader.load('c');
      dispatch();
      void loader.load('never');
      expect(batches).toEqual([['a', 'b'], ['c']]);
    });
  });

  describe('remembers', () => {
    test('what is asked for twice, in one batch and in two', async () => {
      const { loader, batches } = identity<number>({ maxBatchSize: 2 });
      const loads = [1, 2, 1, 3].map((key) => loader.load(key));
      expect(await Promise.all(loads)).toEqual([1, 2, 1, 3]);
      expect(batches).toEqual([[1, 2], [3]]);
    });

    test('what it has loaded, until it is cleared', async () => {
      const { loader, batches } = identity<string>();
      await loader.loadMany(['a', 'b']);
      await loader.loadMany(['a', 'c']);
      expect(batches).toEqual([['a', 'b'], ['c']]);
      expect(await loader.clear('a').loadMany(['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
      expect(batches).toEqual([['a', 'b'], ['c'], ['a']]);
      await loader.clearAll().loadMany(['a', 'b']);
      expect(batches.at(-1)).toEqual(['a', 'b']);
    });

    test('what it was primed with, unless it knows already', async () => {
      const { loader, batches } = identity<string>();
      loader.prime('a', 'x').prime('a', 'y');
      expect(await loader.loadMany(['a', 'b'])).toEqual(['x', 'b']);
      expect(await loader.prime('b', 'y').load('b')).toBe('b');
      expect(await loader.clear('b').prime('b', 'y').load('b')).toBe('y');
      expect(batches).toEqual([['b']]);
    });

    test('and lets what is known land with the batch that gathers', async () => {
      const landings: (() => void)[] = [];
      const loader = make<number, number>(
        (keys) => new Promise((resolve) => landings.push(() => resolve(keys))),
      );
      loader.prime(1, 1);
      const landed: number[] = [];
      for (const key of [1, 2]) void loader.load(key).then((value) => landed.push(value));
      await turn();
      expect(landed).toEqual([]);
      landings.forEach((land) => land());
      await turn();
      expect(new Set(landed)).toEqual(new Set([1, 2]));
    });

    test('and lets what is known land although the batch fails', async () => {
      const loader = make<number, number>(() => Promise.reject(new Error('no')));
      loader.prime(1, 1);
      const known = loader.load(1);
      await expect(loader.load(2)).rejects.toThrow('no');
      expect(await known).toBe(1);
    });

    test('nothing where it shall not: keys repeat, and nothing is primed', async () => {
      const { loader, batches } = identity<string>({ cache: false });
      loader.prime('a', 'x');
      expect(await loader.loadMany(['a', 'b', 'a'])).toEqual(['a', 'b', 'a']);
      expect(await loader.clear('a').clearAll().load('a')).toBe('a');
      expect(batches).toEqual([['a', 'b', 'a'], ['a']]);
    });

    test('although its own batch function clears everything', async () => {
      const batches: (readonly string[])[] = [];
      const loader: Loader<string, string> = make<string, string>((keys) => {
        loader.clearAll();
        batches.push([...keys]);
        return Promise.resolve(keys);
      });
      for (let time = 0; time < 2; time++) {
        expect(await loader.loadMany(['a', 'b', 'a'])).toEqual(['a', 'b', 'a']);
      }
      expect(batches).toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ]);
    });

    test('objects by what they are, or by a key made of them', async () => {
      const [one, other] = [{ id: 1 }, { id: 1 }];
      const byIdentity = identity<object>();
      await byIdentity.loader.loadMany([one, other, one]);
      expect(byIdentity.batches).toEqual([[one, other]]);
      expect(byIdentity.batches[0]![0]).toBe(one);

      const cacheKeyFn = (key: { id: number }): unknown => key.id;
      const { loader, batches } = identity<{ id: number }>({ cacheKeyFn });
      const [first, second] = await loader.loadMany([one, other]);
      expect([first, second]).toEqual([one, one]);
      expect(second).toBe(one);
      expect(await loader.clear(other).load(other)).toBe(other);
      expect(batches).toEqual([[one], [other]]);
      const primed = identity<{ id: number }>({ cacheKeyFn });
      primed.loader.prime(one, one);
      expect(await primed.loader.load(other)).toBe(one);
      expect(primed.batches).toEqual([]);
    });

    test('in a map of one’s own', async () => {
      const cacheMap = new StashMap();
      const { loader, batches } = identity<string>({ cacheMap });
      await loader.loadMany(['a', 'b']);
      await loader.loadMany(['c', 'b']);
      expect(Object.keys(cacheMap.stash)).toEqual(['a', 'b', 'c']);
      await loader.clear('b').load('b');
      expect(Object.keys(cacheMap.stash)).toEqual(['a', 'c', 'b']);
      expect(batches).toEqual([['a', 'b'], ['c'], ['b']]);
      loader.clearAll();
      expect(cacheMap.stash).toEqual({});
    });

    test('keys that are falsy', async () => {
      const { loader, batches } = identity<unknown>();
      const keys = [0, '', false, Number.NaN];
      expect(await loader.loadMany(keys)).toEqual(keys);
      expect(await loader.loadMany(keys)).toEqual(keys);
      expect(batches).toEqual([keys]);
    });
  });

  describe('fails', () => {
    test('for a key alone, which is remembered', async () => {
      const { loader, batches } = evens();
      const [odd, even] = [loader.load(1), loader.load(2)];
      await expect(odd).rejects.toThrow('odd: 1');
      expect(await even).toBe(2);
      await expect(loader.load(1)).rejects.toThrow('odd: 1');
      expect(batches).toEqual([[1, 2]]);
    });

    test('for a key that can be cleared, and asked for again', async () => {
      const { loader, batches } = evens();
      await expect(loader.load(1)).rejects.toThrow('odd: 1');
      await expect(loader.clear(1).load(1)).rejects.toThrow('odd: 1');
      expect(batches).toEqual([[1], [1]]);
    });

    test('as it was primed to', async () => {
      const { loader, batches } = identity<number>();
      loader.prime(1, new Error('primed'));
      await turn();
      await expect(loader.load(1)).rejects.toThrow('primed');
      expect(batches).toEqual([]);
    });

    test('for all keys with the same error where the batch fails, and remembers none', async () => {
      let asked = 0;
      const loader = make<number, number>(() => {
        asked++;
        return Promise.reject(new Error('the database is away'));
      });
      const [one, two] = await Promise.allSettled([loader.load(1), loader.load(2)]);
      expect(one).toMatchObject({
        status: 'rejected',
        reason: { message: 'the database is away' },
      });
      expect((two as PromiseRejectedResult).reason).toBe((one as PromiseRejectedResult).reason);
      await expect(loader.load(1)).rejects.toThrow('the database is away');
      expect(asked).toBe(2);
    });

    test.each<[string, (keys: readonly number[]) => unknown]>([
      [
        'throws',
        () => {
          throw new Error('at once');
        },
      ],
      ['returns nothing', () => undefined],
      ['returns null', () => null],
      ['returns the values', (keys) => keys],
      ['resolves to nothing', () => Promise.resolve(undefined)],
      ['resolves to no list', () => Promise.resolve(7)],
      ['resolves to too few', () => Promise.resolve([])],
      ['resolves to too many', (keys) => Promise.resolve([...keys, 1])],
    ])('where its function %s', async (_what, load) => {
      const loader = make<number, number>(load as never);
      const [one, two] = await Promise.allSettled([loader.load(1), loader.load(2)]);
      expect([one.status, two.status]).toEqual(['rejected', 'rejected']);
    });

    test('at once for no key and for no list', () => {
      const { loader } = identity<number>();
      for (const key of [undefined, null])
        expect(() => loader.load(key as never)).toThrow(TypeError);
      for (const keys of [undefined, null, 1]) {
        expect(() => loader.loadMany(keys as never)).toThrow(TypeError);
      }
      expect(() => loader.load(0)).not.toThrow();
    });

    test('where it is made of no function or of wrong options', () => {
      expect(() => make(undefined as never)).toThrow(TypeError);
      expect(() => make({} as never)).toThrow(TypeError);
      const load = async <T>(keys: T): Promise<T> => keys;
      for (const options of [
        { maxBatchSize: 0 },
        { maxBatchSize: null },
        { cacheKeyFn: null },
        { schedule: null },
      ]) {
        expect(() => make(load as never, options as never)).toThrow(TypeError);
      }
      expect(() => make(load as never, { cacheMap: { get: () => undefined } as never })).toThrow(
        'set, delete, clear',
      );
    });
  });
});

describe('a loader of a batcher differs from DataLoader', () => {
  test('in its default size: 100 keys', async () => {
    const sizes: number[] = [];
    const loader = createBatcher<number, number>(async (keys) => {
      sizes.push(keys.length);
      return keys;
    }).loader();
    await loader.loadMany(Array.from({ length: 250 }, (_, at) => at));
    expect(sizes).toEqual([100, 100, 50]);
  });

  test('in what its errors say: the name, what is promised, and never a key or a value', async () => {
    const lists: [unknown, string][] = [
      [['secret'], 'returned a list'],
      [Promise.resolve('secret'), 'resolved to a value of type string'],
      [Promise.resolve(null), 'resolved to null'],
      [Promise.resolve([]), 'resolved to 0 for 1 keys'],
    ];
    for (const [returned, fault] of lists) {
      const loader = createBatcher(() => returned as never, { name: 'users' }).loader();
      await expect(loader.load('secret')).rejects.toMatchObject({
        code: 'ERR_BATCH_RESULT',
        message: `users: the batch function must return a promise of a list with one value or Error per key, in the order of the keys, but ${fault}.`,
      });
    }
  });

  test('in that a function that throws rejects with just that', async () => {
    const thrown = new Error('at once');
    const loader = createBatcher(() => {
      throw thrown;
    }).loader();
    await expect(loader.load(1)).rejects.toBe(thrown);
  });

  test('in that it forgets the oldest beyond its largest size', async () => {
    const batches: (readonly number[])[] = [];
    const loader = createBatcher<number, number>(
      async (keys) => {
        batches.push(keys);
        return keys;
      },
      { maxCacheSize: 2 },
    ).loader();
    await loader.loadMany([1, 2, 3]);
    await loader.loadMany([2, 3]);
    await loader.load(1);
    expect(batches).toEqual([[1, 2, 3], [1]]);
  });
});
