import type { Exchange } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { memoryStore } from '@org/analytics';

import { type Consumer, Consumers } from '../src/consumers.ts';
import { instance, SECRET } from './instance.ts';

test("an empty name is none, and one that is promised is nobody's, but told of where it fails", async () => {
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const network = { peekPrincipal: () => undefined, req: { socket: {}, ip: '192.0.2.7' } };
  const options = { secrets: [SECRET], ipv4PrefixBits: 24, ipv6PrefixBits: 48 };
  const idBy = (nameOf: () => unknown): string | undefined =>
    new Consumers({ ...options, nameOf: nameOf as () => string }, 0).of(
      network as unknown as Exchange,
    )?.id;
  expect(idBy(() => '')).toMatch(/^n-/);
  expect(idBy(() => Promise.reject(new Error('no names today')))).toMatch(/^n-/);
  await new Promise((resolve) => setImmediate(resolve));
  expect(warned.mock.calls.map(([text]) => text)).toEqual([
    expect.stringContaining('no names today'),
  ]);
  warned.mockRestore();
});

test('a name that is longer than names are is counted alike, and does not fill the memory', () => {
  const { consumers } = instance(memoryStore(), fakeClock());
  const of = (name: string): Consumer =>
    consumers.of({ peekPrincipal: () => name } as unknown as Exchange)!;
  expect(of('ada')).toBe(of('ada'));
  const long = 'a'.repeat(10_000);
  expect(of(long)).toEqual(of(long));
  expect(of(long)).not.toBe(of(long));
});
