/**
 * Profiles of this thread by an inspector session of its own, which is gone afterwards. While one
 * is taken V8 stops the thread for a moment at every sample, and at the end while it hands the
 * profile over; nothing is opened to the outside. Node without an inspector rejects.
 */
import type { Session } from 'node:inspector/promises';

/** Waits while V8 samples; what it rejects with ends the profile. */
export type Wait = () => Promise<void>;

/** Looks at the stack every `intervalMs` while `wait` waits. @returns a `.cpuprofile` */
export async function profileCpu(intervalMs: number, wait: Wait): Promise<Uint8Array> {
  return inSession(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', {
      interval: Math.round(intervalMs * 1000),
    });
    await session.post('Profiler.start');
    await wait();
    const { profile } = await session.post('Profiler.stop');
    return Buffer.from(JSON.stringify(profile));
  });
}

/** Looks at who allocates, about every `intervalBytes`, while `wait` waits. @returns a `.heapprofile` */
export async function profileHeap(intervalBytes: number, wait: Wait): Promise<Uint8Array> {
  return inSession(async (session) => {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling', { samplingInterval: intervalBytes });
    await wait();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return Buffer.from(JSON.stringify(profile));
  });
}

async function inSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  // Loaded when it is needed: most processes are never profiled, and some have no inspector.
  const inspector = await import('node:inspector/promises');
  const session = new inspector.Session();
  session.connect();
  try {
    return await work(session);
  } finally {
    session.disconnect();
  }
}
