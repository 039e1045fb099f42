/**
 * The conformance suite of stores: every store keeps these promises, wherever its
 * bytes are. A store that cannot keep one declares so; nothing is skipped in silence.
 */
import assert from 'node:assert/strict';

import type { BusMessage, Slice, Store } from '../store.ts';

/** What the suite needs to know of a store. */
export interface StoreContract {
  /** A store of its own for each test, already started. */
  readonly make: () => Promise<Store & { close?(): void | Promise<void> }>;
  /** Lets `ms` pass for the store: moves its fake clock, or really waits. */
  readonly pass: (ms: number) => void | Promise<void>;
}

interface Runner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void> | void): void;
}

/** Longer than any test, however slow the machine is. */
const LONG_MS = 600_000;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

/** Declares the tests of the suite. */
export function storeContract(name: string, { make, pass }: StoreContract): void {
  const { describe, test } = globalThis as unknown as Runner;
  const check = (promise: string, body: (store: Store) => Promise<void>): void => {
    test(promise, async () => {
      const store = await make();
      try {
        await body(store);
      } finally {
        await store.close?.();
      }
    });
  };

  describe(`${name} keeps the store contract`, () => {
    check('gives back the bytes it was given, empty and binary ones too', async (store) => {
      const binary = Uint8Array.from({ length: 256 }, (_, at) => at);
      await store.set('binary', binary, LONG_MS);
      await store.set('empty', new Uint8Array(0), LONG_MS);
      assert.deepEqual([...(await store.get('binary'))!], [...binary]);
      assert.equal((await store.get('empty'))?.byteLength, 0);
      assert.equal(await store.get('never set'), undefined);
    });

    check('takes keys of any characters', async (store) => {
      for (const key of ['a b', 'ключ', '{tag}:x', 'a'.repeat(1000), '__proto__']) {
        await store.set(key, bytesOf(key), LONG_MS);
        assert.equal(textOf(await store.get(key)), key);
      }
    });

    check('forgets a value when its time is over, and not before', async (store) => {
      await store.set('short', bytesOf('value'), 200);
      await store.set('long', bytesOf('value'), LONG_MS);
      await pass(250);
      assert.equal(await store.get('short'), undefined);
      assert.equal(textOf(await store.get('long')), 'value');
    });

    check('starts the time anew when a value is set anew', async (store) => {
      await store.set('key', bytesOf('old'), 200);
      await store.set('key', bytesOf('new'), LONG_MS);
      await pass(250);
      assert.equal(textOf(await store.get('key')), 'new');
    });

    check('says whether a deletion found something', async (store) => {
      await store.set('key', bytesOf('value'), LONG_MS);
      assert.equal(await store.delete('key'), true);
      assert.equal(await store.delete('key'), false);
      assert.equal(await store.get('key'), undefined);
    });

    check('gives a claim to one of many', async (store) => {
      const claims = await Promise.all(
        Array.from(
          { length: 50 },
          async (_, at) => await store.claim('key', bytesOf(String(at)), LONG_MS),
        ),
      );
      const winners = claims.filter((held) => held === undefined);
      assert.equal(winners.length, 1);
      const held = textOf(await store.get('key'));
      for (const other of claims.filter((claim) => claim !== undefined))
        assert.equal(textOf(other), held);
    });

    check('gives a claim again once its time is over', async (store) => {
      assert.equal(await store.claim('key', bytesOf('first'), 100), undefined);
      await pass(150);
      assert.equal(await store.claim('key', bytesOf('second'), 100), undefined);
    });

    check('a claim that is refused does not prolong the one that holds', async (store) => {
      await store.claim('key', bytesOf('first'), 2000);
      assert.equal(textOf(await store.claim('key', bytesOf('second'), LONG_MS)), 'first');
      await pass(2050);
      assert.equal(await store.get('key'), undefined);
    });

    check('a value that is replaced lives as long as is said then', async (store) => {
      await store.set('key', bytesOf('one'), 2000);
      assert.equal(await store.compareAndSet('key', bytesOf('one'), bytesOf('two'), LONG_MS), true);
      assert.equal(await store.compareAndSet('key', bytesOf('one'), bytesOf('no'), 1), false);
      await pass(2050);
      assert.equal(textOf(await store.get('key')), 'two');
    });

    check('replaces a value for one of many who expect the same', async (store) => {
      await store.set('key', bytesOf('before'), LONG_MS);
      const replaced = await Promise.all(
        Array.from({ length: 50 }, async (_, at) =>
          store.compareAndSet('key', bytesOf('before'), bytesOf(String(at)), LONG_MS),
        ),
      );
      assert.equal(replaced.filter(Boolean).length, 1);
      assert.equal(textOf(await store.get('key')), String(replaced.indexOf(true)));
    });

    check('refuses times to live that no store keeps', async (store) => {
      for (const ttlMs of [0, -1, Number.NaN, 2 ** 31]) {
        await assert.rejects(async () => store.set('key', bytesOf('x'), ttlMs), RangeError);
        await assert.rejects(async () => store.claim('key', bytesOf('x'), ttlMs), RangeError);
        await assert.rejects(async () => store.add('key', 1, ttlMs), RangeError);
        const slice = { number: 7, lengthMs: ttlMs, before: 0 };
        await assert.rejects(async () => store.slide('key', 1, slice), RangeError);
      }
      assert.equal(await store.get('key'), undefined);
    });

    check('compares before it sets or deletes', async (store) => {
      await store.set('key', bytesOf('one'), LONG_MS);
      assert.equal(
        await store.compareAndSet('key', bytesOf('other'), bytesOf('two'), LONG_MS),
        false,
      );
      assert.equal(await store.compareAndSet('key', bytesOf('one'), bytesOf('two'), LONG_MS), true);
      assert.equal(textOf(await store.get('key')), 'two');
      assert.equal(await store.compareAndSet('key', bytesOf('one'), undefined, LONG_MS), false);
      assert.equal(await store.compareAndSet('key', bytesOf('two'), undefined, LONG_MS), true);
      assert.equal(await store.get('key'), undefined);
      assert.equal(await store.compareAndSet('absent', bytesOf(''), bytesOf('x'), LONG_MS), false);
    });

    check('moves tags on, each by itself, never back', async (store) => {
      const [before] = await store.versions(['a']);
      const [a] = await store.bump(['a']);
      assert.ok(a! > before!);
      const [sameA, b] = await store.versions(['a', 'b']);
      assert.equal(sameA, a);
      await store.bump(['b', 'a']);
      const [laterA, laterB] = await store.versions(['a', 'b']);
      assert.ok(laterA! > a! && laterB! > b!);
    });

    check(
      'answers for many tags in their order, and the same until one moves on',
      async (store) => {
        const names = Array.from({ length: 20 }, (_, at) => `tag-${at}`);
        const before = await store.versions(names);
        assert.deepEqual(await store.versions(names), before);
        assert.deepEqual(await store.versions(names.toReversed()), before.toReversed());
        const bumped = await store.bump(['tag-3', 'tag-17']);
        const after = await store.versions(names);
        assert.deepEqual([after[3], after[17]], bumped);
        const others = (versions: readonly number[]): readonly number[] =>
          versions.filter((_, at) => at !== 3 && at !== 17);
        assert.deepEqual(others(after), others(before));
        assert.ok([...before, ...after].every(Number.isSafeInteger));
        assert.deepEqual(await store.versions([]), []);
        assert.deepEqual(await store.bump([]), []);
      },
    );

    check('takes back what was counted, and counts below nothing', async (store) => {
      assert.equal((await store.add('key', 5, LONG_MS)).value, 5);
      assert.equal((await store.add('key', -7, LONG_MS)).value, -2);
      assert.equal((await store.add('key', 0, LONG_MS)).value, -2);
      assert.equal((await store.add('other', 1, LONG_MS)).value, 1);
    });

    check('counts in slices, and lets those go that have left the window', async (store) => {
      const at = (number: number): Slice => ({ number, lengthMs: LONG_MS / 4, before: 2 });
      assert.deepEqual(await store.slide('key', 3, at(100)), [3, 0, 0]);
      assert.deepEqual(await store.slide('key', 2, at(101)), [2, 3, 0]);
      assert.deepEqual(await store.slide('key', 0, at(102)), [0, 2, 3]);
      // What is given back goes where it came from; what is later stands with it.
      assert.deepEqual(await store.slide('key', -1, at(101)), [1, 3, 0]);
      assert.deepEqual(await store.slide('key', 4, at(102)), [4, 1, 3]);
      assert.deepEqual(await store.slide('key', 0, at(101)), [5, 3, 0]);
      assert.deepEqual(await store.slide('key', 0, at(103)), [0, 4, 1]);
      assert.deepEqual(await store.slide('key', 1, at(200)), [1, 0, 0]);
      assert.deepEqual(await store.slide('other', 0, at(200)), [0, 0, 0]);
    });

    check('slides for many at once, and forgets with the last slice', async (store) => {
      const slice: Slice = { number: 5, lengthMs: 500, before: 2 };
      const counts = await Promise.all(
        Array.from({ length: 20 }, async () => (await store.slide('key', 2, slice))[0]!),
      );
      assert.equal(Math.max(...counts), 40);
      await pass(1600);
      assert.deepEqual(await store.slide('key', 1, slice), [1, 0, 0]);
    });

    check('keeps values, counters and tags of one name apart', async (store) => {
      await store.set('name', bytesOf('value'), LONG_MS);
      await store.bump(['name']);
      assert.equal((await store.add('name', 1, LONG_MS)).value, 1);
      const slice: Slice = { number: 1, lengthMs: LONG_MS, before: 0 };
      assert.deepEqual(await store.slide('name', 5, slice), [5]);
      assert.equal(textOf(await store.get('name')), 'value');
      await store.delete('name');
      assert.equal((await store.add('name', 1, LONG_MS)).value, 2);
    });

    check('counts every addition, and from nothing in the next window', async (store) => {
      const counts = await Promise.all(
        Array.from({ length: 20 }, async () => await store.add('key', 2, 1500)),
      );
      assert.equal(Math.max(...counts.map(({ value }) => value)), 40);
      for (const { resetMs } of counts)
        assert.ok(resetMs > 0 && resetMs <= 1500, `resets in ${resetMs} ms`);
      const { resetMs } = await store.add('other', 1, LONG_MS);
      await pass(1550);
      assert.ok(
        (await store.add('other', 0, LONG_MS)).resetMs <= resetMs - 1500,
        'additions do not prolong the window',
      );
      assert.equal((await store.add('key', 1, 1500)).value, 1);
    });

    check(
      'brings messages to every subscriber of the channel, in order and numbered',
      async (store) => {
        const heard: BusMessage[] = [];
        let done: () => void = () => undefined;
        const all = new Promise<void>((resolve) => (done = resolve));
        const end = await store.subscribe('channel', (message) => {
          heard.push(message);
          if (heard.length === 3) done();
        });
        await store.publish('another', bytesOf('not for us'));
        for (const text of ['one', 'two', 'three']) await store.publish('channel', bytesOf(text));
        await all;
        await end();
        await store.publish('channel', bytesOf('after the end'));
        assert.deepEqual(
          heard.map(({ data }) => textOf(data)),
          ['one', 'two', 'three'],
        );
        const first = heard[0]!.sequence;
        assert.deepEqual(
          heard.map(({ sequence }) => sequence - first),
          [0, 1, 2],
        );
      },
    );

    check('ends one subscription, and leaves the others of the channel', async (store) => {
      const heard: string[] = [];
      let wake: () => void = () => undefined;
      const hear = (message: BusMessage): void => {
        heard.push(textOf(message.data)!);
        wake();
      };
      const until = async (count: number): Promise<void> => {
        while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
      };
      // The same listener twice is two subscriptions.
      const endFirst = await store.subscribe('channel', hear);
      const endSecond = await store.subscribe('channel', hear);
      await store.publish('channel', bytesOf('both'));
      await until(2);
      await endFirst();
      await endFirst();
      await store.publish('channel', bytesOf('one'));
      await until(3);
      await endSecond();
      assert.deepEqual(heard, ['both', 'both', 'one']);
    });
  });
}
