/** The errors of this package, one function each. */
import { ProblemError } from '@org/core';

/** No job is taken any more. */
export function tasksClosed(): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_CLOSED',
    status: 503,
    detail: 'The service is closing and takes no more jobs.',
    expose: true,
  });
}

/** As many jobs wait as may. */
export function tasksFull(what: string): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_FULL',
    status: 503,
    detail: `No more jobs are taken for now: ${what} wait already.`,
    headers: { 'Retry-After': '5' },
  });
}

/** The log cannot be written: nothing that was asked of it has happened. */
export function storageFailed(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_STORAGE',
    status: 503,
    detail: `The log of jobs cannot be written: ${messageOf(cause)}.`,
    cause,
  });
}

/** The server of jobs has not said that it keeps one. */
export function additionInDoubt(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_STORAGE',
    status: 503,
    detail: `The server of jobs has not confirmed the job: ${messageOf(cause)}. It may have been kept all the same; one with an id of its own can be added again safely.`,
    headers: { 'Retry-After': '1' },
    cause,
  });
}

/** The server of jobs is known to be away, and was not asked. */
export function additionRefused(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_STORAGE',
    status: 503,
    detail: `The job was not added, for the server of jobs is away: ${messageOf(cause)}.`,
    headers: { 'Retry-After': '1' },
    cause,
  });
}

/** Another process has the folder. */
export function folderTaken(folder: string, owner: string): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_LOCKED',
    detail: `The folder ${folder} of jobs is in use by ${owner}. One process may have it: give the other one a folder of its own, or let both use Redis. If that process, or its machine, is gone for good, remove jobs.lock.`,
  });
}

/** The lock was taken away from under this process. */
export function lockLost(folder: string, owner = 'nobody any more'): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_LOCKED',
    detail: `jobs.lock in the folder ${folder} of jobs names ${owner}, and not this process, which writes no more to it. Nothing that was promised is lost: end the one of the two that should not be there, and start this one again`,
  });
}

/** Nobody knows the job, or not any more. */
export function jobUnknown(id: string): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_UNKNOWN',
    status: 404,
    detail: `There is no job ${id}, or none any more.`,
  });
}

/** There is nothing to replay or to discard. */
export function deadUnknown(): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_UNKNOWN',
    status: 404,
    detail: 'There is no dead job of this id.',
  });
}

/** The job failed for good. */
export function jobDead(id: string, reason: string): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_DEAD',
    status: 500,
    detail: `The job ${id} failed for good: ${reason}`,
  });
}

/** Somebody took the job out. */
export function jobCancelled(id: string): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_CANCELLED',
    status: 409,
    detail: `The job ${id} was cancelled before it began.`,
  });
}

/** The time of an attempt is over: the reason of its signal. */
export function attemptTimedOut(timeoutMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_TIMEOUT',
    status: 504,
    detail: `The attempt took longer than the ${timeoutMs} ms that it may take.`,
  });
}

/** The data cannot be kept. */
export function dataRefused(type: string, why: string): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_DATA',
    status: 422,
    detail: `The data of a job "${type}" ${why}.`,
  });
}

/** What an error says, whatever was thrown. Never throws. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'something that cannot be read';
  }
}
