/**
 * A signal of one's own that also aborts with those of the caller, and lets go of them again:
 * `AbortSignal.any` leaves that to the collector, and a caller's signal may live as long as the
 * process.
 */
import { setMaxListeners } from 'node:events';

/** Aborts by itself, or with a signal that it is linked to. */
export class LinkedAbort {
  private readonly controller: AbortController = new AbortController();
  private readonly parents: readonly AbortSignal[];

  constructor(...parents: readonly (AbortSignal | null | undefined)[]) {
    this.parents = parents.filter((parent) => parent !== undefined && parent !== null);
    for (const parent of this.parents) {
      if (parent.aborted) {
        this.abort(parent.reason);
        return;
      }
      // Many calls may share a signal, and Node takes more than ten listeners for a leak.
      setMaxListeners(0, parent);
      parent.addEventListener('abort', this);
    }
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    this.release();
    this.controller.abort(reason);
  }

  /** Lets go of the caller's signals. */
  release(): void {
    for (const parent of this.parents) parent.removeEventListener('abort', this);
  }

  /** A parent has aborted. @internal */
  handleEvent({ target }: Event): void {
    this.abort((target as AbortSignal).reason);
  }
}
