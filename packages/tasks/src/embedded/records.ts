/**
 * Lines of the log: a checksum, a blank, a JSON object. Each says what is, not what changed, so
 * that a line that is read twice, or follows a snapshot that knows it already, does no harm; and a
 * line that is damaged costs what it says and nothing else.
 */
import { crc32 } from 'node:zlib';

import type { Dedup, Failure, JobState, ScheduledRun } from '../engine.ts';
import { StoredJob } from './stored-job.ts';

/** The form of the lines. */
const VERSION = 1;

/** What the members of a line are called; short, because there are millions of them. */
interface PutRecord {
  readonly k: 'put';
  readonly i: string;
  readonly t: string;
  readonly d: unknown;
  readonly s: JobState;
  readonly a: number;
  readonly u?: number;
  readonly p?: number;
  readonly c?: Readonly<Record<string, unknown>>;
  readonly q?: Dedup;
  readonly w?: ScheduledRun;
  readonly n?: number;
  readonly l?: number;
  readonly f?: readonly Failure[];
  readonly r?: unknown;
}

type LogRecord =
  | PutRecord
  | { readonly k: 'log'; readonly v: number; readonly g: number }
  | { readonly k: 'all' }
  | { readonly k: 'run'; readonly i: string }
  | { readonly k: 'end'; readonly i: string; readonly r?: unknown }
  | { readonly k: 'del'; readonly i: string };

/** The first line of a file. */
export function headLine(generation: number): string {
  return line(`{"k":"log","v":${VERSION},"g":${generation}}`);
}

/** What stood before is all there was, and was on the disk before the file had its name. */
export function wholeLine(): string {
  return line('{"k":"all"}');
}

/** A job as it is now. */
export function putLine(job: StoredJob): string {
  let text = `{"k":"put","i":${JSON.stringify(job.id)},"t":${JSON.stringify(job.type)},"s":"${
    job.state === 'held' ? 'waiting' : job.state
  }","a":${job.addedAt},"d":${job.data}`;
  if (job.dueAt !== 0) text += `,"u":${job.dueAt}`;
  if (job.priority !== 0) text += `,"p":${job.priority}`;
  if (job.carrier !== undefined) text += `,"c":${JSON.stringify(job.carrier)}`;
  if (job.dedup !== undefined) text += `,"q":${JSON.stringify(job.dedup)}`;
  if (job.schedule !== undefined) text += `,"w":${JSON.stringify(job.schedule)}`;
  if (job.failed !== 0) text += `,"n":${job.failed}`;
  if (job.takeovers !== 0) text += `,"l":${job.takeovers}`;
  if (job.failures.length > 0) text += `,"f":${JSON.stringify(job.failures)}`;
  if (job.result !== undefined) text += `,"r":${job.result}`;
  return line(`${text}}`);
}

/** A job was handed out. */
export function runLine(job: StoredJob): string {
  return line(`{"k":"run","i":${JSON.stringify(job.id)}}`);
}

/** A job was completed. */
export function endLine(job: StoredJob): string {
  const result = job.result === undefined ? '' : `,"r":${job.result}`;
  return line(`{"k":"end","i":${JSON.stringify(job.id)}${result}}`);
}

/** A job is forgotten. */
export function deleteLine(id: string): string {
  return line(`{"k":"del","i":${JSON.stringify(id)}}`);
}

function line(json: string): string {
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** What a log tells. */
export interface Replayed {
  /** Jobs by their ids, in the order in which they were added. */
  readonly jobs: ReadonlyMap<string, StoredJob>;
  /** Bytes of lines that are damaged or not whole. */
  readonly damagedBytes: number;
  /** What was on the disk for certain is not whole: it is no end that was cut off, but damage. */
  readonly hasHoles: boolean;
}

/** Reads a log from its beginning; takes it line by line, and leaves out what is damaged. */
export class Replay {
  private readonly jobs: Map<string, StoredJob> = new Map();
  private damagedBytes: number = 0;
  private hasHoles: boolean = false;
  /** All that the file began with has been read. */
  private isWhole: boolean;

  /** @param isEmpty there is no log yet */
  constructor(isEmpty: boolean) {
    this.isWhole = isEmpty;
  }

  /** @param text a line without its end */
  line(text: string): void {
    const record = parse(text);
    if (record === undefined) {
      this.damagedBytes += Buffer.byteLength(text) + 1;
      return;
    }
    if (this.damagedBytes > 0) this.hasHoles = true;
    this.apply(record);
  }

  /** What stands behind the last end of a line: it was not written to its end. */
  rest(text: string): void {
    this.damagedBytes += Buffer.byteLength(text);
  }

  result(): Replayed {
    const { jobs, damagedBytes } = this;
    return { jobs, damagedBytes, hasHoles: this.hasHoles || !this.isWhole };
  }

  private apply(record: LogRecord): void {
    if (record.k === 'put') {
      // The dead are kept in the order in which they died.
      if (record.s === 'dead') this.jobs.delete(record.i);
      this.jobs.set(record.i, jobOf(record));
    } else if (record.k === 'run') {
      const job = this.jobs.get(record.i);
      if (job !== undefined && job.state !== 'completed' && job.state !== 'dead') {
        job.state = 'active';
      }
    } else if (record.k === 'end') {
      const job = this.jobs.get(record.i);
      if (job !== undefined) {
        job.state = 'completed';
        job.result = record.r === undefined ? undefined : JSON.stringify(record.r);
        // Those that are kept go by when they ended.
        this.jobs.delete(record.i);
        this.jobs.set(record.i, job);
      }
    } else if (record.k === 'del') {
      this.jobs.delete(record.i);
    } else if (record.k === 'all') {
      this.isWhole = true;
    } else if (record.v !== VERSION) {
      throw new Error(
        `the log of jobs has the form ${record.v}, and this version reads ${VERSION}`,
      );
    }
  }
}

function parse(text: string): LogRecord | undefined {
  const json = text.slice(9);
  if (text.length < 11 || text[8] !== ' ') return undefined;
  if (crc32(json) !== Number.parseInt(text.slice(0, 8), 16)) return undefined;
  return JSON.parse(json) as LogRecord;
}

function jobOf(record: PutRecord): StoredJob {
  const job = new StoredJob({
    id: record.i,
    isNamed: false,
    type: record.t,
    data: JSON.stringify(record.d),
    carrier: record.c,
    priority: record.p ?? 0,
    addedAt: record.a,
    dueAt: record.u ?? 0,
    dedup: record.q,
    schedule: record.w,
  });
  job.state = record.s;
  job.failed = record.n ?? 0;
  job.takeovers = record.l ?? 0;
  job.failures = record.f ?? job.failures;
  job.result = record.r === undefined ? undefined : JSON.stringify(record.r);
  return job;
}
