/** What callers are told when they cannot have what they ask for. */
import { ProblemError } from '@org/core';

export function profileRunning(leftMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_PROFILE_RUNNING',
    status: 409,
    detail: 'A capture is under way, and there is one at a time. Try again when it has ended.',
    headers: { 'Retry-After': String(Math.max(1, Math.ceil(leftMs / 1000))) },
  });
}

export function profilerClosed(): ProblemError {
  return new ProblemError({
    code: 'ERR_PROFILER_CLOSED',
    status: 503,
    detail: 'The profiler is closed.',
    expose: true,
  });
}

/** V8 or Node refused, for a reason that is the operator's to know. */
export function profileFailed(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_PROFILE_FAILED',
    status: 500,
    detail: `The profile could not be taken: ${cause instanceof Error ? cause.message : String(cause)}`,
    expose: true,
    cause,
  });
}

/** What is wrong with a query, in a sentence that names the parameter. */
export function badRequest(detail: string): ProblemError {
  return new ProblemError({ code: 'ERR_PROFILE_REQUEST', status: 400, detail });
}

export function noCapture(id: string): ProblemError {
  return new ProblemError({
    code: 'ERR_NO_CAPTURE',
    status: 404,
    detail: `No capture ${JSON.stringify(id.slice(0, 60))} is kept; the list of captures names those that are.`,
  });
}

export function snapshotsOff(): ProblemError {
  return new ProblemError({
    code: 'ERR_SNAPSHOTS_OFF',
    status: 403,
    detail:
      'Heap snapshots hold every string in memory, secrets among them, and are switched off. The option "heapSnapshots" switches them on.',
  });
}
