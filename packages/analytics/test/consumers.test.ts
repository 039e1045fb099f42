import type { Exchange } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { memoryStore } from '@org/analytics';

import type { Consumer } from '../src/consumers.ts';
import { instance } from './instance.ts';

test('a name that is longer than names are is counted alike, and does not fill the memory', () => {
  const { consumers } = instance(memoryStore(), fakeClock());
  const of = (name: string): Consumer =>
    consumers.of({ peekPrincipal: () => name } as unknown as Exchange)!;
  expect(of('ada')).toBe(of('ada'));
  const long = 'a'.repeat(10_000);
  expect(of(long)).toEqual(of(long));
  expect(of(long)).not.toBe(of(long));
});
