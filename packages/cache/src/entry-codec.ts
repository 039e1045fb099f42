/** Entries as bytes, for a store that several processes share: a length, a head as JSON, the body as it is. */
import type { Clock } from '@org/core';

import { Entry, type EntryInit } from './entry.ts';

/** What travels besides the body. Times are those of the wall: each process has a monotonic clock of its own. */
type EncodedHead = Omit<EntryInit, 'key' | 'body' | 'bornMs' | 'stamp'> & {
  readonly bornAt: number;
  /** A record that was cut off is none. */
  readonly bodyBytes: number;
  /** The versions of its tags, for hard and for soft invalidation. */
  readonly versions: readonly number[];
};

/** A record under a key whose answers differ by `Vary`: it names the fields. */
interface EncodedPointer {
  readonly pointsTo: readonly string[];
}

/** What a record holds. */
export type Decoded =
  | { readonly entry: Entry; readonly versions: readonly number[] }
  | { readonly pointsTo: readonly string[] };

const LENGTH_BYTES = 4;

export function encodeEntry({ init }: Entry, versions: readonly number[], clock: Clock): Buffer {
  const { key: _key, body, bornMs, stamp: _stamp, ...rest } = init;
  const bornAt = clock.now() - (clock.monotonicMs() - bornMs);
  const head: EncodedHead = { ...rest, bornAt, bodyBytes: body.length, versions };
  return frame(head, body);
}

export function encodePointer(pointsTo: readonly string[]): Buffer {
  return frame({ pointsTo } satisfies EncodedPointer, Buffer.alloc(0));
}

/** @throws for bytes that are no record */
export function decode(bytes: Uint8Array, key: string, stamp: number, clock: Clock): Decoded {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = LENGTH_BYTES + buffer.readUInt32BE(0);
  const head = JSON.parse(buffer.toString('utf8', LENGTH_BYTES, end)) as Partial<
    EncodedHead & EncodedPointer
  > | null;
  if (Array.isArray(head?.pointsTo)) return { pointsTo: head.pointsTo };
  const body = buffer.subarray(end);
  if (!isEntry(head) || head.bodyBytes !== body.length) {
    throw new TypeError('cache: the store holds something that is no record');
  }
  const { bornAt, bodyBytes: _bodyBytes, versions, ...rest } = head;
  // A clock that is ahead of ours must not make an answer younger than new.
  const bornMs = clock.monotonicMs() - Math.max(0, clock.now() - bornAt);
  return { entry: new Entry({ ...rest, key, body, bornMs, stamp }), versions };
}

/** By what is always there: enough to know another program's bytes. */
function isEntry(head: Partial<EncodedHead> | null): head is EncodedHead {
  return (
    Array.isArray(head?.headers) && Array.isArray(head.versions) && Number.isFinite(head.bornAt)
  );
}

function frame(head: EncodedHead | EncodedPointer, body: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}
