/** What workers and their primary tell each other, over the channel that `node:cluster` gives them. */
import type { Family } from './family.ts';
import type { PerformancePart } from './performance.ts';

/** What is asked for. */
export interface Parts {
  families: readonly Family[];
  performance: PerformancePart;
}

export type What = keyof Parts;

/** Marks messages as ours among those of the application. */
const TAG = '@org/metrics';

interface Tagged {
  readonly tag: typeof TAG;
}

export type ToPrimary =
  /** A worker takes part. */
  | { readonly kind: 'join' }
  /** A worker wants the parts of the others. */
  | { readonly kind: 'ask'; readonly id: number; readonly what: What; readonly own: unknown }
  /** A worker's answer to `collect`. */
  | {
      readonly kind: 'part';
      readonly id: number;
      readonly what: What;
      readonly asker: number;
      readonly part: unknown;
    }
  /** The time is over, and these workers have not answered: what had they counted? */
  | { readonly kind: 'late'; readonly id: number; readonly silent: readonly number[] };

export type ToWorker =
  /** Who takes part? */
  | { readonly kind: 'who' }
  | { readonly kind: 'collect'; readonly id: number; readonly what: What; readonly asker: number }
  /** Which others were asked; `past` is what workers that have gone had counted. */
  | {
      readonly kind: 'asked';
      readonly id: number;
      readonly others: readonly number[];
      readonly past: unknown;
    }
  | { readonly kind: 'part'; readonly id: number; readonly from: number; readonly part: unknown }
  /** `past` by now, with what those had counted that did not answer. */
  | { readonly kind: 'late'; readonly id: number; readonly past: unknown };

export function tagged<M extends ToPrimary | ToWorker>(message: M): M & Tagged {
  return { ...message, tag: TAG };
}

/** Whether the message is one of ours. */
export function isTagged(message: unknown): message is Tagged & object {
  return (
    typeof message === 'object' && message !== null && (message as Partial<Tagged>).tag === TAG
  );
}
