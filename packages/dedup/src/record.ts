/**
 * What is known of a key: somebody works for it, it has been answered, or nobody knows how it
 * ended. As bytes it is one line of JSON and then the body, as it was.
 */
import type { FlatHeaders } from './answer-headers.ts';

/** An answer that can be given again. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: FlatHeaders;
  /** Absent where it was too large to keep, or is lost. */
  readonly body: Uint8Array | undefined;
}

/** Somebody works for it. */
export interface RunningRecord {
  readonly state: 'running';
  readonly fingerprint: string;
  /** Who works: a process whose lease says that it lives. */
  readonly owner: string;
  /** The fence: no two claims have the same, so that no late one can write over its successor. */
  readonly token: string;
  /** When nobody waits for it any longer, in ms since the epoch. */
  readonly giveUpAt: number;
}

/** It was answered. */
export interface FinishedRecord extends KeptAnswer {
  readonly state: 'finished';
  readonly fingerprint: string;
}

/** Nobody knows how it ended: its answer was cut off, or given by somebody else in its place. */
export interface IndeterminateRecord {
  readonly state: 'indeterminate';
  readonly fingerprint: string;
  /** No two are the same bytes. */
  readonly token: string;
}

export type IdempotencyRecord = RunningRecord | FinishedRecord | IndeterminateRecord;

const NEWLINE = 0x0a;

/** A record as bytes for a store. */
export function encodeRecord(record: IdempotencyRecord): Uint8Array {
  if (record.state !== 'finished') return Buffer.from(`${JSON.stringify(record)}\n`);
  const { body, ...rest } = record;
  const line = Buffer.from(`${JSON.stringify({ ...rest, hasBody: body !== undefined })}\n`);
  return body === undefined ? line : Buffer.concat([line, body]);
}

/**
 * A record from a store.
 * @throws TypeError for bytes that are none: somebody else writes there
 */
export function decodeRecord(bytes: Uint8Array): IdempotencyRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf(NEWLINE);
  const parsed = parse(buffer.toString('utf8', 0, Math.max(0, end)));
  if (parsed === undefined) throw new TypeError('The store holds something that is no record.');
  if (parsed.state !== 'finished') return parsed;
  const { hasBody, ...rest } = parsed;
  return { ...rest, body: hasBody ? buffer.subarray(end + 1) : undefined };
}

type Line =
  | RunningRecord
  | IndeterminateRecord
  | (Omit<FinishedRecord, 'body'> & { readonly hasBody: boolean });

function parse(line: string): Line | undefined {
  try {
    const value = JSON.parse(line) as Partial<Line> | null;
    const known = ['running', 'finished', 'indeterminate'].includes(value?.state ?? '');
    return known && typeof value?.fingerprint === 'string' ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}
