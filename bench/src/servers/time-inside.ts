/**
 * What requests take within the process: from Node's handing one over until its answer has been
 * handed to Node. What others on the machine, the network and the client take is not in it.
 */
import type { Server, ServerResponse } from 'node:http';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

export function timeInside(server: Server): RecordableHistogram {
  const times = createHistogram();
  const record = (begunMs: number): void =>
    times.record(Math.max(1, Math.round((performance.now() - begunMs) * 1e6)));
  const emit = server.emit.bind(server) as (...args: unknown[]) => boolean;
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'request') return emit(event, ...args);
    const begunMs = performance.now();
    const heard = emit(event, ...args);
    const res = args[1] as ServerResponse;
    if (res.writableEnded) record(begunMs);
    else res.once('finish', () => record(begunMs));
    return heard;
  };
  return times;
}
