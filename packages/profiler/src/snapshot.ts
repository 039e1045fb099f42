/**
 * A heap snapshot, streamed as V8 writes it and never kept. The process stands still while it is
 * taken, and needs about as much memory again.
 */
import { pipeline } from 'node:stream/promises';
import { getHeapSnapshot } from 'node:v8';
import type { Writable } from 'node:stream';

/**
 * Writes the snapshot of this thread to `into`, and ends it.
 * @param stood is told once V8 has let the thread go, before the loop turns
 * @throws the reason of `stop`, or what `into` fails with
 */
export async function writeSnapshot(
  into: Writable,
  stop: AbortSignal,
  stood: () => void,
): Promise<void> {
  stop.throwIfAborted();
  const snapshot = getHeapSnapshot();
  // V8 writes all of it down before the first piece is to be had.
  snapshot.once('data', stood);
  await pipeline(snapshot, into, { signal: stop });
}
