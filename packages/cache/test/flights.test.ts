/** Who waits for whom, for how long, and for whom nobody waits. */
import { type FakeClock, fakeClock } from '@org/core/testing';

import { Flights, type Landing } from '../src/flights.ts';
import { entryOf } from './entries.ts';

const TIMEOUT_MS = 5000;
const HIT_FOR_MISS_MS = 120_000;

function made(hitForMissMs: number = HIT_FOR_MISS_MS): { clock: FakeClock; flights: Flights } {
  const clock = fakeClock();
  return { clock, flights: new Flights(clock, TIMEOUT_MS, hitForMissMs) };
}

const ENTRY = entryOf();

describe('a flight', () => {
  test.each<[string, Landing]>([
    ['an answer', ENTRY],
    ['word that it is not for them', 'unshared'],
    ['word of a failure', 'failing'],
    ['word that its leader is gone', 'gone'],
  ])('brings all who wait %s, and is over', async (_name, landing) => {
    const { clock, flights } = made();
    const flight = flights.begin('a');
    expect(flights.under('a')).toBe(flight);
    const waiting = [flight.wait(), flight.wait(), flight.wait()];
    flights.land('a', flight, landing);
    expect(await Promise.all(waiting)).toEqual([landing, landing, landing]);
    expect(flights.under('a')).toBeUndefined();
    expect(flights.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('lands once: what is said afterwards changes nothing, also for who waits only then', async () => {
    const { flights } = made();
    const flight = flights.begin('a');
    const early = flight.wait();
    flights.land('a', flight, ENTRY);
    flights.land('a', flight, 'gone');
    expect(await early).toBe(ENTRY);
    expect(await flight.wait()).toBe(ENTRY);
  });

  test('is of one key', () => {
    const { flights } = made();
    flights.begin('a');
    expect(flights.under('b')).toBeUndefined();
  });

  test('takes no timer while nobody waits, one however many do, and none afterwards', () => {
    const { clock, flights } = made();
    const flight = flights.begin('a');
    expect(clock.pending).toBe(0);
    void flight.wait();
    void flight.wait();
    expect(clock.pending).toBe(1);
    flights.land('a', flight, 'gone');
    expect(clock.pending).toBe(0);
  });
});

describe('the time limit', () => {
  test('lets all go at once, counted from the first who waits', async () => {
    const { clock, flights } = made();
    const flight = flights.begin('a');
    clock.advance(60_000);
    const first = flight.wait();
    clock.advance(TIMEOUT_MS - 1);
    expect(flight.landed).toBe(false);
    const second = flight.wait();
    clock.advance(1);
    expect(await Promise.all([first, second])).toEqual(['timeout', 'timeout']);
    expect(clock.pending).toBe(0);
  });

  test('makes newcomers begin another, which the late landing of the first leaves alone', async () => {
    const { clock, flights } = made();
    const late = flights.begin('a');
    void late.wait();
    clock.advance(TIMEOUT_MS);
    expect(flights.under('a')).toBeUndefined();
    const next = flights.begin('a');
    const waiting = next.wait();
    flights.land('a', late, ENTRY);
    expect(flights.under('a')).toBe(next);
    flights.land('a', next, 'failing');
    expect(await waiting).toBe('failing');
    expect(flights.size).toBe(0);
  });
});

describe('what could not be shared (hit-for-miss)', () => {
  test('is not waited for until its time is over', () => {
    const { clock, flights } = made();
    expect(flights.mayShare('a', clock.monotonicMs())).toBe(true);
    flights.land('a', flights.begin('a'), 'unshared');
    clock.advance(HIT_FOR_MISS_MS - 1);
    expect(flights.mayShare('a', clock.monotonicMs())).toBe(false);
    expect(flights.mayShare('b', clock.monotonicMs())).toBe(true);
    clock.advance(1);
    expect(flights.mayShare('a', clock.monotonicMs())).toBe(true);
  });

  test('is also learned from one who came too late for those who waited', () => {
    const { clock, flights } = made();
    const flight = flights.begin('a');
    void flight.wait();
    clock.advance(TIMEOUT_MS);
    flights.land('a', flight, 'unshared');
    expect(flights.mayShare('a', clock.monotonicMs())).toBe(false);
  });

  test('is forgotten with the first answer that can be', () => {
    const { clock, flights } = made();
    flights.land('a', flights.begin('a'), 'unshared');
    flights.land('a', flights.begin('a'), ENTRY);
    expect(flights.mayShare('a', clock.monotonicMs())).toBe(true);
  });

  test.each<Landing>(['failing', 'gone', 'timeout'])(
    'is not concluded from a flight that ended as "%s"',
    (landing) => {
      const { clock, flights } = made();
      flights.land('a', flights.begin('a'), landing);
      expect(flights.mayShare('a', clock.monotonicMs())).toBe(true);
    },
  );

  test('is not remembered where the time for it is 0', () => {
    const { clock, flights } = made(0);
    flights.land('a', flights.begin('a'), 'unshared');
    expect(flights.mayShare('a', clock.monotonicMs())).toBe(true);
  });

  test('is bounded: of very many keys the latest are remembered', () => {
    const { clock, flights } = made();
    for (let n = 0; n < 20_000; n++) {
      flights.land(String(n), flights.begin(String(n)), 'unshared');
    }
    expect(flights.mayShare('19999', clock.monotonicMs())).toBe(false);
    expect(flights.mayShare('0', clock.monotonicMs())).toBe(true);
  });
});
