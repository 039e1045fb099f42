/** What an answer takes within the process, and not what the processor spends on it: the median and the slowest. */
import type { Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import type { Figure } from './table.ts';
import { load, type Turn } from './throughput.ts';

export const INSIDE_FIGURES: readonly Figure[] = [
  { key: 'p50Micros', title: 'p50 µs', digits: 1 },
  { key: 'p99Micros', title: 'p99 µs', digits: 1 },
];

/** A turn of one contender, in a fresh process. */
export async function measureInside(
  server: string,
  { runtime, seconds, warmUpSeconds, connections, path = '/', headers = {} }: Turn,
): Promise<Sample> {
  const running = await ServerProcess.start(server, runtime);
  try {
    const url = running.url + path;
    if (warmUpSeconds > 0) await load(url, warmUpSeconds, connections, headers);
    // The times of the warm-up go with it.
    await running.usage();
    await load(url, seconds, connections, headers);
    const { p50, p99 } = (await running.usage()).insideMicros;
    return { p50Micros: p50, p99Micros: p99 };
  } finally {
    await running.stop();
  }
}
