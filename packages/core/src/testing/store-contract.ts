/**
 * The conformance suite of stores: every store keeps these promises, wherever its
 * bytes are. A store that cannot keep one declares so; nothing is skipped in silence.
 */
import assert from 'node:assert/strict';

import type { BusMessage, Store } from '../store.ts';

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
      await store.set('binary', binary, 1000);
      await store.set('empty', new Uint8Array(0), 1000);
      assert.deepEqual([...(await store.get('binary'))!], [...binary]);
      assert.equal((await store.get('empty'))?.byteLength, 0);
      assert.equal(await store.get('never set'), undefined);
    });

    check('takes keys of any characters', async (store) => {
      for (const key of ['a b', 'ключ', '{tag}:x', 'a'.repeat(1000), '__proto__']) {
        await store.set(key, bytesOf(key), 1000);
        assert.equal(textOf(await store.get(key)), key);
      }
    });

    check('forgets a value when its time is over, and not before', async (store) => {
      await store.set('key', bytesOf('value'), 200);
      await pass(100);
      assert.equal(textOf(await store.get('key')), 'value');
      await pass(150);
      assert.equal(await store.get('key'), undefined);
    });

    check('starts the time anew when a value is set anew', async (store) => {
      await store.set('key', bytesOf('old'), 200);
      await pass(150);
      await store.set('key', bytesOf('new'), 200);
      await pass(150);
      assert.equal(textOf(await store.get('key')), 'new');
    });

    check('says whether a deletion found something', async (store) => {
      await store.set('key', bytesOf('value'), 1000);
      assert.equal(await store.delete('key'), true);
      assert.equal(await store.delete('key'), false);
      assert.equal(await store.get('key'), undefined);
    });

    check('gives a claim to one of many', async (store) => {
      const claims = await Promise.all(
        Array.from(
          { length: 50 },
          async (_, at) => await store.claim('key', bytesOf(String(at)), 1000),
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

    check('compares before it sets or deletes', async (store) => {
      await store.set('key', bytesOf('one'), 1000);
      assert.equal(await store.compareAndSet('key', bytesOf('other'), bytesOf('two'), 1000), false);
      assert.equal(await store.compareAndSet('key', bytesOf('one'), bytesOf('two'), 1000), true);
      assert.equal(textOf(await store.get('key')), 'two');
      assert.equal(await store.compareAndSet('key', bytesOf('one'), undefined, 1000), false);
      assert.equal(await store.compareAndSet('key', bytesOf('two'), undefined, 1000), true);
      assert.equal(await store.get('key'), undefined);
      assert.equal(await store.compareAndSet('absent', bytesOf(''), bytesOf('x'), 1000), false);
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

    check('counts every addition, and from nothing in the next window', async (store) => {
      const counts = await Promise.all(
        Array.from({ length: 20 }, async () => await store.add('key', 2, 200)),
      );
      assert.equal(Math.max(...counts.map(({ value }) => value)), 40);
      for (const { resetMs } of counts)
        assert.ok(resetMs > 0 && resetMs <= 200, `resets in ${resetMs} ms`);
      await pass(100);
      assert.ok(
        (await store.add('key', 0, 200)).resetMs <= 100,
        'additions do not prolong the window',
      );
      await pass(150);
      assert.equal((await store.add('key', 1, 200)).value, 1);
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
  });
}
