/** What a middleware has had to do: kept by the stack, so that switching and reordering lose nothing. */
import type { Phase, Traffic } from '@org/core';

/** @internal */
export class MiddlewareTraffic implements Traffic {
  readonly name: string;
  readonly phase: Phase;
  callsTotal: number = 0;
  errorsTotal: number = 0;

  constructor(name: string, phase: Phase) {
    this.name = name;
    this.phase = phase;
  }

  /** Counts what is a failure; a refusal, whose text is meant for the client, is the work itself. */
  failed(error: unknown): void {
    if ((error as { readonly expose?: unknown }).expose !== true) this.errorsTotal++;
  }
}
