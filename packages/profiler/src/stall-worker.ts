/**
 * The thread that watches the main one: it alone can act while the main one stands still. It
 * looks at a counter that the main thread's timer advances. When that has not moved for too long
 * it starts V8's CPU profiler on the main thread, in the middle of whatever blocks it (the
 * inspector interrupts running code), and stops it once the counter moves again. So the very
 * stall is profiled, and nothing is sampled while all is well. V8's samples do not name a function
 * that was optimised before they began, such as the loop that blocks; so the stack is taken first.
 *
 * It is text, because a worker has to be a file or text, and a file would have to survive
 * bundlers; plain JavaScript, and short.
 */

/** Places in the shared memory. */
export interface Cells {
  /** Advanced by the main thread's timer. */
  readonly BEAT: number;
  /** 1: the next stall may be profiled. The worker takes it back when it begins. */
  readonly ARMED: number;
  /** 1: the worker begins to profile; 2: V8 samples. 0 again once the main thread has the profile. */
  readonly PROFILING: number;
}

export const CELLS: Cells = Object.freeze({ BEAT: 0, ARMED: 1, PROFILING: 2 });
export const CELL_COUNT = 3;

/** What the worker is told. */
export interface StallWorkerData {
  readonly memory: SharedArrayBuffer;
  readonly cells: Cells;
  readonly stallMs: number;
  /** Time between two looks at the counter, in ms. */
  readonly lookMs: number;
  readonly samplingIntervalMs: number;
  /** A stall that takes longer is profiled no further, in ms. */
  readonly maxDurationMs: number;
}

/** What it answers: a profile as JSON, and how long V8 sampled; or why there is none, and none will be. */
export type StallWorkerMessage =
  | {
      readonly profile: Uint8Array;
      readonly startedAt: number;
      readonly durationMs: number;
      /** Where the main thread stood; absent where it does not let itself be asked. */
      readonly stack?: readonly string[];
    }
  | { readonly error: string };

export const STALL_WORKER: string = `
'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { Session } = require('node:inspector/promises');
const { memory, cells, stallMs, lookMs, samplingIntervalMs, maxDurationMs } = workerData;
const shared = new Int32Array(memory);
// Runs on top of what blocks the main thread. The application's own way to show stacks is left out of it.
const whereItStands = '(' + function () {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 100;
    Error.prepareStackTrace = (_error, sites) => sites.slice(2).map(String);
    return new Error().stack;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    if (prepareStackTrace === undefined) delete Error.prepareStackTrace;
    else Error.prepareStackTrace = prepareStackTrace;
  }
} + ')()';
let session;
let stack;
let beat = -1;
let movedMs = performance.now();
let lookedMs = movedMs;
let startedMs = 0;
let startedAt = 0;
let state = 'watching';

async function begin() {
  state = 'beginning';
  // Not before: a process that is connected to waits, or says that it does, when it exits.
  session = new Session();
  session.connectToMainThread();
  const { result } = await session.post('Runtime.evaluate', {
    expression: whereItStands, returnByValue: true, silent: true,
  });
  stack = Array.isArray(result.value) ? result.value : undefined;
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: Math.round(samplingIntervalMs * 1000) });
  await session.post('Profiler.start');
  startedMs = performance.now();
  startedAt = Date.now();
  Atomics.store(shared, cells.PROFILING, 2);
  state = 'profiling';
}

async function end() {
  state = 'ending';
  const durationMs = performance.now() - startedMs;
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  const bytes = new TextEncoder().encode(JSON.stringify(profile));
  state = 'watching';
  parentPort.postMessage({ profile: bytes, startedAt, durationMs, stack }, [bytes.buffer]);
}

function failed(error) {
  parentPort.postMessage({ error: String(error && error.stack || error) });
}

setInterval(() => {
  const nowMs = performance.now();
  const seen = Atomics.load(shared, cells.BEAT);
  // If this thread did not run either, it was the machine that stood still.
  const late = nowMs - lookedMs > stallMs;
  lookedMs = nowMs;
  if (seen !== beat || late) {
    beat = seen;
    movedMs = nowMs;
    if (state === 'profiling') end().catch(failed);
  } else if (state === 'profiling' && nowMs - startedMs > maxDurationMs) {
    end().catch(failed);
  } else if (state === 'watching' && nowMs - movedMs >= stallMs) {
    if (Atomics.compareExchange(shared, cells.ARMED, 1, 0) !== 1) return;
    Atomics.store(shared, cells.PROFILING, 1);
    begin().catch(failed);
  }
}, lookMs);
`;
