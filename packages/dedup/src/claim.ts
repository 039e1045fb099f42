/** A key that this instance works for, and what the store knows of it. */
import type { KeyedRequest } from './keyed-request.ts';

/** Whose place in the store a write found: its own, or a successor's. */
export type Written = 'written' | 'overtaken' | 'owed';

/** A key that this instance works for. */
export class Claim {
  readonly asked: KeyedRequest;
  /** Where its record is in the store. */
  readonly key: string;
  /** When nobody waits for it any longer, in monotonic ms. */
  readonly giveUpMs: number;
  /** Its owner before was lost. */
  retaken: boolean = false;
  /** What the store holds while nobody has taken its place. */
  bytes: Uint8Array;
  /** The handler runs for it, or has run. */
  begun: boolean = false;
  /** What the store should hold, and could not be told yet. */
  owed: { readonly next: Uint8Array | undefined } | undefined = undefined;
  /** The write that was begun last. */
  lastWrite: Promise<Written> | undefined = undefined;

  constructor(asked: KeyedRequest, key: string, bytes: Uint8Array, giveUpMs: number) {
    this.asked = asked;
    this.key = key;
    this.bytes = bytes;
    this.giveUpMs = giveUpMs;
  }
}
