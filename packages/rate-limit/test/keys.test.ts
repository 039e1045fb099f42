import { FixedWindow } from '../src/fixed-window.ts';
import { Keys } from '../src/keys.ts';

function made(maxKeys: number): { keys: Keys; counts: FixedWindow } {
  const counts = new FixedWindow({ limit: 10, windowMs: 1000, burst: 10 });
  return { keys: new Keys(counts, maxKeys), counts };
}

test('a key keeps its slot, and counts survive growth', () => {
  const { keys, counts } = made(10_000);
  for (let at = 0; at < 5000; at++) counts.take(keys.slotOf(`key ${at}`, 0), 1 + (at % 9), 0);
  for (let at = 0; at < 5000; at++) {
    expect(counts.available(keys.slotOf(`key ${at}`, 0), 0)).toBe(9 - (at % 9));
  }
  expect(keys.size).toBe(5000);
});

test('there are never more than may be, and slots are handed on without a past', () => {
  const { keys, counts } = made(100);
  for (let at = 0; at < 1000; at++) {
    const slot = keys.slotOf(`key ${at}`, 0);
    expect(counts.available(slot, 0)).toBe(10);
    counts.take(slot, 1, 0);
  }
  expect(keys.size).toBe(100);
  expect(keys.evictedTotal).toBe(900);
});

test('a flood of newcomers pushes itself out, not who has used up what he may', () => {
  const { keys, counts } = made(100);
  counts.take(keys.slotOf('greedy', 0), 10, 0);
  for (let at = 0; at < 10_000; at++) counts.take(keys.slotOf(`flood ${at}`, 0), 1, 0);
  expect(keys.find('greedy')).toBeDefined();
  expect(counts.available(keys.find('greedy')!, 0)).toBe(0);
});

test('those who count no more go first, and are not missed', () => {
  const { keys, counts } = made(8);
  for (let at = 0; at < 8; at++) counts.take(keys.slotOf(`key ${at}`, 0), 1, at === 5 ? 0 : 500);
  keys.slotOf('newcomer', 1100);
  expect(keys.find('key 5')).toBeUndefined();
  expect(keys.evictedTotal).toBe(0);
});

test('a forgotten slot is used again, and a cleared table begins anew', () => {
  const { keys, counts } = made(2);
  counts.take(keys.slotOf('a', 0), 5, 0);
  keys.slotOf('b', 0);
  keys.forget('a');
  keys.forget('never there');
  expect(counts.available(keys.slotOf('c', 0), 0)).toBe(10);
  expect(keys.size).toBe(2);
  expect(keys.evictedTotal).toBe(0);
  keys.clear();
  expect(keys.size).toBe(0);
  expect(counts.available(keys.slotOf('a', 0), 0)).toBe(10);
});

test('keys of any characters', () => {
  const { keys } = made(10);
  for (const key of ['', 'ключ', '\u{1F600}', '__proto__', '\uD800']) {
    const slot = keys.slotOf(key, 0);
    expect(keys.slotOf(key, 0)).toBe(slot);
  }
  expect(keys.size).toBe(5);
});
