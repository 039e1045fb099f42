/**
 * The load, in a process of its own: `node load.js <url> <seconds> <connections> <headers as JSON> [<body>]`
 * prints what came back as JSON. With a body each request is a POST with a new `Idempotency-Key`. It fails where anything but good answers came back: a figure would be of those.
 */
import autocannon from 'autocannon';

/** What a run of the load gave. */
export interface LoadResult {
  readonly answers: number;
  readonly answersPerSecond: number;
  readonly p99Ms: number;
}

const [url = '', seconds = '', connections = '', given = '{}', body] = process.argv.slice(2);
const headers = JSON.parse(given) as Record<string, string>;
let sent = 0;
const once: autocannon.Request = {
  method: 'POST',
  body: body ?? '',
  setupRequest: (request) => ({
    ...request,
    headers: { ...request.headers, 'idempotency-key': `key-${sent++}` },
  }),
};
const result = await autocannon({
  url,
  duration: Number(seconds),
  connections: Number(connections),
  headers,
  ...(body === undefined ? {} : { requests: [once] }),
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
