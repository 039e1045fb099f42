/** So many calls at once, and so many that wait: one slow service does not take all there is. */
import { setMaxListeners } from 'node:events';

/** A call that waits for a place. */
interface Waiter {
  readonly go: () => void;
  readonly refuse: (error: Error) => void;
}

export class Bulkhead {
  private readonly maxConcurrent: number;
  private readonly maxWaiting: number;
  private running: number = 0;
  /** In the order in which they came. */
  private readonly line: Set<Waiter> = new Set();

  constructor(maxConcurrent: number, maxWaiting: number) {
    this.maxConcurrent = maxConcurrent;
    this.maxWaiting = maxWaiting;
  }

  /** How many wait. */
  get waiting(): number {
    return this.line.size;
  }

  get hasRoomToWait(): boolean {
    return this.line.size < this.maxWaiting;
  }

  /** Takes a place, if there is one. */
  enter(): boolean {
    if (this.running >= this.maxConcurrent) return false;
    this.running++;
    return true;
  }

  /** Waits for a place; rejects with the reason of `signal` once that aborts. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const leaveLine = (): void => {
        this.line.delete(waiter);
        signal?.removeEventListener('abort', giveUp);
      };
      const giveUp = (): void => {
        leaveLine();
        reject(signal!.reason as Error);
      };
      const waiter: Waiter = {
        go() {
          leaveLine();
          resolve();
        },
        refuse(error) {
          leaveLine();
          reject(error);
        },
      };
      this.line.add(waiter);
      if (signal === undefined) return;
      // Many calls of one caller may wait: Node takes more than ten listeners for a leak.
      setMaxListeners(Infinity, signal);
      signal.addEventListener('abort', giveUp);
    });
  }

  /** Gives a place back: to who has waited longest. */
  leave(): void {
    const [next] = this.line;
    if (next === undefined) this.running--;
    else next.go();
  }

  /** Sends away who waits, each with an error of its own. */
  dismiss(error: () => Error): void {
    for (const waiter of this.line) waiter.refuse(error());
  }
}
