/**
 * A signal of one's own that also aborts with those of the caller, and lets go of them again:
 * `AbortSignal.any` leaves that to the collector, and a caller's signal may live as long as the
 * process.
 */
import { setMaxListeners } from 'node:events';

/** What hears of an abort. */
export interface AbortListener {
  handleEvent(event: Event): void;
}

/** Listens to a caller's signal, which many calls may share: Node takes more than ten listeners for a leak. */
export function listenTo(signal: AbortSignal, listener: AbortListener): void {
  setMaxListeners(Infinity, signal);
  signal.addEventListener('abort', listener);
}

/** Aborts by itself, or with a signal that it is linked to. */
export class LinkedAbort implements AbortListener {
  private readonly controller: AbortController = new AbortController();
  private readonly parents: readonly AbortSignal[];

  constructor(...parents: readonly (AbortSignal | null | undefined)[]) {
    this.parents = parents.filter((parent) => parent !== undefined && parent !== null);
    for (const parent of this.parents) {
      if (parent.aborted) {
        this.abort(parent.reason);
        return;
      }
      listenTo(parent, this);
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
