/** Waiting for what has to happen, with an end to it. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

/** Whether it became true within the time. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  limitMs: number = 15_000,
): Promise<boolean> {
  const giveUpAt = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) {
      // A process that was busy reads what has come meanwhile before it looks for the last time.
      await turn();
      return isTrue();
    }
    await sleep(10);
  }
  return true;
}
