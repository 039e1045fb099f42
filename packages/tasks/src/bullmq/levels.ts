/** Priorities as BullMQ knows them: from 1, the least first. There is room above for what has aged. */

/** Of a job of priority 0 that has just come. */
const BASE = 1000;

/** The level of a priority. */
export function levelOf(priority: number): number {
  return BASE - priority;
}

/** The level of a job that has waited: each `ageingMs` is worth a step of priority. */
export function agedLevel(priority: number, waitedMs: number, ageingMs: number): number {
  return Math.max(1, levelOf(priority) - Math.max(0, Math.floor(waitedMs / ageingMs)));
}
