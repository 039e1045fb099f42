/**
 * The order of the house, as data. A request goes down this list; errors and
 * responses come back up. `docs/ordering.md` explains each place by what breaks
 * when it is changed.
 */

/** A place in the order, by name. */
export type Phase =
  | 'edge'
  | 'context'
  | 'observe'
  | 'protect'
  | 'shape'
  | 'reuse'
  | 'admit'
  | 'read'
  | 'session'
  | 'recover';

/** Why a phase stands where it stands, in one line; `explain()` prints it. */
export const PHASE_REASONS: Readonly<Record<Phase, string>> = Object.freeze({
  edge: 'liveness must never hide behind load or a limit',
  context: 'everything below can name the request and knows when to give up',
  observe: 'sees what is refused too',
  protect: 'refuse before spending',
  shape: 'the version is part of a cache key; the cache sees plain bodies',
  reuse: 'a hit takes no place in the queue',
  admit: 'only real work waits; bodies are not read while waiting',
  read: 'needs the body',
  session: 'what handlers use',
  recover: 'answers for everybody',
});

/** Every phase, outermost first. */
export const PHASES: readonly Phase[] = Object.freeze(Object.keys(PHASE_REASONS) as Phase[]);

/** The priority of a middleware that states none. Lower runs first within a phase. */
export const DEFAULT_PRIORITY = 50;
