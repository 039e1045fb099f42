/**
 * The load, in a process of its own: `node load.js <url> <seconds> <connections> <headers as JSON>` prints
 * what came back as JSON. It fails where anything but good answers came back: a figure would be of those.
 */
import autocannon from 'autocannon';

/** What a run of the load gave. */
export interface LoadResult {
  readonly answers: number;
  readonly answersPerSecond: number;
  readonly p99Ms: number;
}

const [url = '', seconds = '', connections = '', headers = '{}'] = process.argv.slice(2);
const result = await autocannon({
  url,
  duration: Number(seconds),
  connections: Number(connections),
  headers: JSON.parse(headers) as Record<string, string>,
});
const bad = result.non2xx + result.errors + result.timeouts;
if (bad > 0 || result['2xx'] === 0) {
  console.error(`${url} gave ${result['2xx']} good answers and ${bad} bad ones`);
  process.exitCode = 1;
} else {
  const load: LoadResult = {
    answers: result['2xx'],
    answersPerSecond: result['2xx'] / result.duration,
    p99Ms: result.latency.p99,
  };
  process.stdout.write(JSON.stringify(load));
}
