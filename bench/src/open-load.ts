/**
 * Load that does not wait for answers: `node open-load.js`, with a plan as JSON on its input, sends as
 * many requests a second as it was told, whatever becomes of them, and prints what came back. Clients that
 * wait for their answer before they ask again (as `load.ts` and most tools do) cannot overload
 * anything. Times run from when a request was due, not from when it could be sent.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** One of the requests to send. */
export interface Asked {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What to send. */
export interface OpenPlan {
  readonly port: number;
  /** One after the other, and again from the first. */
  readonly requests: readonly Asked[];
  /** Requests a second, in the mean; arrivals are those of a Poisson process. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Answers to requests that were due in the first part do not count. */
  readonly settleSeconds: number;
  /** An answer is good if it came within this time. */
  readonly objectiveMs: number;
  /** A client gives up after this time. */
  readonly patienceMs: number;
  /** One in so many requests is urgent. */
  readonly urgentEvery: number;
  /** The most connections. */
  readonly maxConnections: number;
}

/** What became of the requests. */
export interface OpenResult {
  readonly sent: number;
  readonly good: number;
  /** 200, but too late. */
  readonly late: number;
  readonly refused: number;
  /** Refusals by the code of their problem document, or by their status. */
  readonly refusedBy: Readonly<Record<string, number>>;
  /** Refused without telling when to come back. */
  readonly withoutRetryAfter: number;
  /** The client gave up, or had no connection. */
  readonly timedOut: number;
  readonly broken: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly refusedP99Ms: number;
  readonly urgentSent: number;
  readonly urgentGood: number;
}

/** One request under way on a connection. */
interface Line {
  readonly socket: Socket;
  dueMs: number;
  urgent: boolean;
  counts: boolean;
  busy: boolean;
  received: string;
}

const plan = JSON.parse(readFileSync(0, 'utf8')) as OpenPlan;
const texts = plan.requests.map(({ path, headers = {} }) => {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nHost: bench\r\n${fields.join('')}`;
});

const free: Line[] = [];
const all = new Set<Line>();
const under: Line[] = [];
const latencies: number[] = [];
const refusals: number[] = [];
const refusedBy: Record<string, number> = {};
const counts = {
  sent: 0,
  good: 0,
  late: 0,
  refused: 0,
  withoutRetryAfter: 0,
  timedOut: 0,
  broken: 0,
  urgentSent: 0,
  urgentGood: 0,
};

function open(): Line {
  const socket = connect({ port: plan.port, host: '127.0.0.1', noDelay: true });
  const line: Line = { socket, dueMs: 0, urgent: false, counts: false, busy: false, received: '' };
  all.add(line);
  socket.setEncoding('latin1');
  socket.on('data', (text: unknown) => receive(line, text as string));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    all.delete(line);
    if (line.busy && line.counts) counts.broken++;
    line.busy = false;
    const at = free.indexOf(line);
    if (at !== -1) free.splice(at, 1);
  });
  return line;
}

function send(dueMs: number, which: number, isCounted: boolean): void {
  const urgent = which % plan.urgentEvery === 0;
  if (isCounted) {
    counts.sent++;
    if (urgent) counts.urgentSent++;
  }
  let line = free.pop();
  if (line === undefined) {
    if (all.size >= plan.maxConnections) {
      if (isCounted) counts.timedOut++;
      return;
    }
    line = open();
  }
  line.dueMs = dueMs;
  line.urgent = urgent;
  line.counts = isCounted;
  line.busy = true;
  line.received = '';
  under.push(line);
  const text = texts[which % texts.length]!;
  line.socket.write(urgent ? `${text}X-Urgent: 1\r\n\r\n` : `${text}\r\n`, 'latin1');
}

function receive(line: Line, text: string): void {
  line.received = line.received === '' ? text : line.received + text;
  const { received } = line;
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1 || !line.busy) return;
  const head = received.slice(0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const isWhole =
    length === undefined
      ? received.endsWith('0\r\n\r\n')
      : received.length >= headEnd + 4 + Number(length);
  if (!isWhole) return;
  line.busy = false;
  settle(line, Number(head.slice(9, 12)), received);
  if (/\r\nconnection: *close/i.test(head)) line.socket.destroy();
  else free.push(line);
}

function settle({ dueMs, urgent, counts: isCounted }: Line, status: number, text: string): void {
  if (!isCounted) return;
  const tookMs = performance.now() - dueMs;
  if (status !== 200) {
    counts.refused++;
    if (!/\r\nretry-after:/i.test(text)) counts.withoutRetryAfter++;
    const why = /"code":"(\w+)"/.exec(text)?.[1] ?? String(status);
    refusedBy[why] = (refusedBy[why] ?? 0) + 1;
    refusals.push(tookMs);
    return;
  }
  latencies.push(tookMs);
  if (tookMs > plan.objectiveMs) counts.late++;
  else {
    counts.good++;
    if (urgent) counts.urgentGood++;
  }
}

/** Clients that have waited long enough go. Requests are looked at in the order in which they were due. */
let oldest = 0;
function giveUp(nowMs: number): void {
  while (oldest < under.length) {
    const line = under[oldest]!;
    const at = dues[oldest]!;
    if (line.busy && line.dueMs === at) {
      if (nowMs - at < plan.patienceMs) return;
      line.busy = false;
      if (line.counts) counts.timedOut++;
      line.socket.destroy();
    }
    oldest++;
  }
}
const dues: number[] = [];

const beginMs = performance.now();
const endMs = beginMs + plan.seconds * 1000;
const settledMs = beginMs + plan.settleSeconds * 1000;
let dueMs = beginMs;
let number = 0;

function tick(): void {
  const nowMs = performance.now();
  while (dueMs <= nowMs && dueMs < endMs) {
    const before = under.length;
    send(dueMs, number++, dueMs >= settledMs);
    if (under.length > before) dues.push(dueMs);
    dueMs += (-Math.log(1 - Math.random()) * 1000) / plan.perSecond;
  }
  giveUp(nowMs);
  const isOver = nowMs >= endMs && oldest >= under.length;
  if (!isOver && nowMs < endMs + plan.patienceMs + 1000) {
    setImmediate(tick);
    return;
  }
  const result: OpenResult = {
    ...counts,
    refusedBy,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    p999Ms: quantile(latencies, 0.999),
    refusedP99Ms: quantile(refusals, 0.99),
  };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
tick();

function quantile(values: number[], share: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
}
