import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { callHook, FAULT_CHANNEL } from '@org/core';

test('a hook that throws or rejects is reported, and disturbs nobody', async () => {
  const faults: unknown[] = [];
  const listen = (message: unknown): void => void faults.push(message);
  subscribe(FAULT_CHANNEL, listen);
  const thrown = new Error('thrown');
  const rejected = new Error('rejected');
  expect(callHook(() => 7, 'fine')).toBe(7);
  expect(
    callHook(() => {
      throw thrown;
    }, 'throws'),
  ).toBeUndefined();
  const answer = callHook(() => Promise.reject(rejected), 'rejects');
  await expect(answer).rejects.toBe(rejected);
  unsubscribe(FAULT_CHANNEL, listen);
  expect(faults).toMatchObject([
    { error: thrown, where: 'throws' },
    { error: rejected, where: 'rejects' },
  ]);
});
