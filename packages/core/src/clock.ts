/**
 * Time as a dependency: components take a clock, so that tests move it instead of
 * sleeping, and so that durations come from a monotonic source.
 */

/** The longest delay a timer takes, in ms (2³¹−1; Node fires longer ones at once). */
export const MAX_DELAY_MS: number = 2 ** 31 - 1;

/** Stops a pending timer; does nothing once it has fired. */
export type Cancel = () => void;

/** A source of time. */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes backwards. For durations. */
  monotonicMs(): number;
  /** Runs `task` once after `delayMs`. Never keeps the process alive. */
  after(delayMs: number, task: () => void): Cancel;
  /** Runs `task` every `everyMs` until cancelled. Never keeps the process alive. */
  every(everyMs: number, task: () => void): Cancel;
}

/** The machine's own time. */
export const systemClock: Clock = Object.freeze<Clock>({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs: number, task: () => void): Cancel {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
  every(everyMs: number, task: () => void): Cancel {
    const timer = setInterval(task, everyMs).unref();
    return () => clearInterval(timer);
  },
});
