/** What has happened is seen, however late a busy process looks. */
import { until } from '../src/until.ts';

test('what has come while the process was busy counts, though its time is over', async () => {
  let hasCome = false;
  const isBusyFirst = (): boolean => {
    if (hasCome) return true;
    const busyUntil = performance.now() + 20;
    while (performance.now() < busyUntil);
    // As what comes over a network: it is read after the timers.
    setImmediate(() => (hasCome = true));
    return false;
  };
  expect(await until(isBusyFirst, 10)).toBe(true);
  expect(await until(() => false, 0)).toBe(false);
});
