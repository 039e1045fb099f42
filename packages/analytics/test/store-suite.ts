/** What every store of rows keeps, and what instances that share one get from it. */
import { fakeClock } from '@org/core/testing';
import type { AnalyticsStore, Place, Row } from '@org/analytics';

import { instance } from './instance.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 1);

const rowAt = (startAt: number, more: Partial<Row> = {}): Row => ({
  tier: 'minute',
  kind: 'endpoints',
  startAt,
  writer: 'a',
  revision: 1,
  payload: '{}',
  ...more,
});

/** `make` answers an empty store each time. */
export function describeStore(name: string, make: () => Promise<AnalyticsStore>): void {
  describe(`the store in ${name}`, () => {
    let store: AnalyticsStore;
    beforeEach(async () => {
      store = await make();
      await store.start?.();
    });

    const all = (more: object = {}): Promise<readonly Row[]> =>
      Promise.resolve(
        store.read({
          tier: 'minute',
          kind: 'endpoints',
          fromAt: 0,
          toAt: Number.MAX_SAFE_INTEGER,
          limit: 1000,
          ...more,
        }),
      );

    test('can be started twice', async () => {
      await store.start?.();
      expect(await all()).toEqual([]);
    });

    test('keeps the higher revision of a row, in whichever order they come', async () => {
      await store.put([rowAt(START, { revision: 2, payload: '{"two":2}' })]);
      await store.put([rowAt(START, { revision: 1, payload: '{"one":1}' })]);
      await store.put([rowAt(START, { revision: 2, payload: '{"again":2}' })]);
      expect(await all()).toEqual([rowAt(START, { revision: 2, payload: '{"two":2}' })]);
      await store.put([rowAt(START, { revision: 3 })]);
      expect(await all()).toEqual([rowAt(START, { revision: 3 })]);
    });

    test('gives rows in order, of one tier and kind, and page by page', async () => {
      const rows = [3, 1, 2].flatMap((minute) =>
        ['b', 'B', 'a'].map((writer) => rowAt(START + minute * 60_000, { writer })),
      );
      await store.put([
        ...rows,
        rowAt(START, { tier: 'hour' }),
        rowAt(START, { kind: 'consumers' }),
      ]);
      const ordered = rows.toSorted(
        (one, other) => one.startAt - other.startAt || (one.writer < other.writer ? -1 : 1),
      );
      expect(await all()).toEqual(ordered);
      const walked: Row[] = [];
      for (;;) {
        const page = await all({ limit: 2, after: walked.at(-1) });
        if (page.length === 0) break;
        walked.push(...page);
      }
      expect(walked).toEqual(ordered);
      const second = { fromAt: START + 2 * 60_000, toAt: START + 3 * 60_000 };
      expect(await all(second)).toEqual(ordered.slice(3, 6));
    });

    test('keeps any text as it is', async () => {
      const payload = JSON.stringify({ route: '/é/"\\/\u0001', big: 2 ** 53 - 1 });
      await store.put([rowAt(START, { payload })]);
      expect((await all())[0]!.payload).toBe(payload);
    });

    test('replaces the revision that is expected, and nothing else', async () => {
      const hour = rowAt(START, { tier: 'hour', writer: '', payload: '{"h":1}' });
      expect(await store.replace(hour, 1)).toBe(false);
      expect(await store.replace(hour, 0)).toBe(true);
      expect(await store.replace(hour, 0)).toBe(false);
      const next = { ...hour, revision: 2, payload: '{"h":2}' };
      expect(await store.replace(next, 2)).toBe(false);
      expect(await store.replace(next, 1)).toBe(true);
      expect(await all({ tier: 'hour' })).toEqual([next]);
    });

    test('marks as rolled up what has not changed since, and only with a replacement', async () => {
      const rows = [0, 1, 2].map((minute) => rowAt(START + minute * 60_000));
      await store.put(rows);
      const hour = rowAt(START, { tier: 'hour', writer: '' });
      const hours = (): Promise<readonly number[]> =>
        Promise.resolve(store.unrolled('minute', 'endpoints', 60_000, 10));
      await store.replace(hour, 7, rows);
      expect(await hours()).toHaveLength(3);
      await store.put([{ ...rows[1]!, revision: 2 }]);
      await store.replace(hour, 0, rows);
      expect(await hours()).toEqual([rows[1]!.startAt]);
      // What is written anew has to be rolled up again; what keeps its revision has not.
      await store.replace({ ...rows[0]!, payload: '{"less":1}' }, 1);
      expect(await hours()).toEqual([rows[1]!.startAt]);
      await store.put([{ ...rows[0]!, revision: 2 }]);
      expect(await hours()).toEqual([rows[0]!.startAt, rows[1]!.startAt]);
    });

    test('names periods that are not rolled up, each once, the oldest first', async () => {
      await store.put([
        rowAt(START + HOUR_MS),
        rowAt(START + 60_000),
        rowAt(START),
        rowAt(START, { writer: 'b' }),
        rowAt(START + 5 * HOUR_MS, { kind: 'consumers' }),
      ]);
      expect(await store.unrolled('minute', 'endpoints', HOUR_MS, 10)).toEqual([
        START,
        START + HOUR_MS,
      ]);
      expect(await store.unrolled('minute', 'endpoints', HOUR_MS, 1)).toEqual([START]);
    });

    test('takes away what is old and rolled up, and days without more ado', async () => {
      const rows = [rowAt(START), rowAt(START + 60_000), rowAt(START + 120_000)];
      const days = [rowAt(START, { tier: 'day' }), rowAt(START + DAY_MS, { tier: 'day' })];
      await store.put([...rows, ...days]);
      await store.replace(rowAt(START, { tier: 'hour', writer: '' }), 0, rows.slice(1));
      expect(await store.prune('minute', START + 120_000, 10)).toBe(1);
      expect(await all()).toEqual([rows[0], rows[2]]);
      expect(await store.prune('day', START + 1, 10)).toBe(1);
      expect(await all({ tier: 'day' })).toEqual([days[1]]);
    });

    test('takes away no more at once than it is asked to', async () => {
      const rows = Array.from({ length: 5 }, (_, at) => rowAt(START + at, { tier: 'day' }));
      await store.put(rows);
      expect(await store.prune('day', START + 100, 2)).toBe(2);
      expect(await all({ tier: 'day' })).toEqual(rows.slice(2));
    });

    test('removes one row', async () => {
      await store.put([rowAt(START), rowAt(START, { writer: 'b' })]);
      await store.remove(rowAt(START) satisfies Place);
      expect(await all()).toEqual([rowAt(START, { writer: 'b' })]);
    });

    test('two instances, one killed and restarted: totals are exact, at every step', async () => {
      const clock = fakeClock(START + 22 * HOUR_MS);
      let [one, other] = [instance(store, clock), instance(store, clock)];
      const truth = new Map<string, number>();
      let failed = 0;
      for (let minute = 0; minute < 150; minute++) {
        for (const each of [one, other]) {
          for (let at = 0; at < 1 + (minute % 3); at++) {
            const route = `/r${(minute + at) % 4}`;
            const status = at === 2 ? 500 : 200;
            each.ask(route, { who: `w${minute % 7}`, status });
            truth.set(route, (truth.get(route) ?? 0) + 1);
            if (status === 500) failed++;
          }
          // Some minutes are written twice, as they grow.
          if (minute % 5 === 0) await each.outbox.flush();
        }
        clock.advance(60_000);
        one.turn();
        other.turn();
        await one.outbox.flush();
        if (minute % 2 === 0) await other.outbox.flush();
        if (minute === 101) {
          // Killed with nothing on its way, and back at once, in the same minute.
          await other.outbox.flush();
          other = instance(store, clock);
        }
        if (minute % 20 === 0) await Promise.all([one.rollUpNow(), other.rollUpNow()]);
      }
      await other.outbox.flush();
      // Killed as well: somebody else goes on after its lease has ended.
      clock.advance(4 * HOUR_MS);
      one = instance(store, clock);
      await one.rollUpNow();

      const requests = [...truth.values()].reduce((sum, count) => sum + count, 0);
      const from = 'from=2026-01-01T22:00:00Z';
      for (const step of ['minute', 'hour', 'day']) {
        const query = `${step === 'day' ? 'from=2026-01-01' : from}&step=${step}`;
        const summary = await one.summary(query);
        expect(summary).toMatchObject({ requests, serverErrors: failed, endpoints: 4, lost: 0 });
        const series = summary.series.reduce((sum, part) => sum + part.requests, 0);
        expect(series).toBe(requests);
        expect(summary.consumers).toMatchObject({ value: 7 });
      }
      const consumers = await one.listConsumers('from=2026-01-01');
      expect(consumers.items).toHaveLength(7);
      const asked = consumers.items.reduce((sum, item) => sum + item.requests.value, 0);
      expect(asked).toBe(requests);
      expect(consumers.items.every(({ requests: r }) => r.atLeast === r.atMost)).toBe(true);
      // Hours that are over are rolled up: what is read are few rows.
      const minutes = await store.unrolled('minute', 'endpoints', HOUR_MS, 100);
      expect(minutes).toEqual([]);
      expect(await all({ tier: 'hour' })).toHaveLength(3);
    }, 60_000);
  });
}
