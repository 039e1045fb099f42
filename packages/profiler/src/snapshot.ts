/**
 * A heap snapshot, streamed as V8 writes it and never kept. The process stands still while it is
 * taken, and needs about as much memory again.
 */
import { pipeline } from 'node:stream/promises';
import { getHeapSnapshot } from 'node:v8';
import type { Writable } from 'node:stream';

/** Writes the snapshot of this thread to `into`, and ends it. @throws the reason of `stop`, or what `into` fails with */
export async function writeSnapshot(into: Writable, stop: AbortSignal): Promise<void> {
  stop.throwIfAborted();
  await pipeline(getHeapSnapshot(), into, { signal: stop });
}
