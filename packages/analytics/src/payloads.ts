/** What rows say: the JSON of one kind or the other, and what is left of it after erasures. */
import { report } from '@org/core';

import type { Row } from './analytics-store.ts';
import { Endpoints, type EndpointsState } from './endpoints.ts';
import { SpaceSaving, type SpaceSavingState } from './space-saving.ts';

/** How much of each is kept, also of what is merged. */
export interface Bounds {
  readonly maxEndpoints: number;
  readonly maxConsumers: number;
}

export type UseKind = 'endpoints' | 'consumers';
export const USE_KINDS: readonly UseKind[] = Object.freeze(['endpoints', 'consumers']);

/** Takes rows of one kind, and becomes the payload of all of them. */
export interface Fold {
  merge(row: Row, erased: ReadonlySet<string> | undefined): void;
  payload(): string;
}

export function foldOf(kind: UseKind, { maxEndpoints, maxConsumers }: Bounds): Fold {
  if (kind === 'endpoints') {
    const endpoints = new Endpoints(maxEndpoints);
    return {
      merge(row) {
        const state = endpointsIn(row);
        if (state !== undefined) endpoints.merge(state);
      },
      payload: () => JSON.stringify(endpoints.state()),
    };
  }
  const consumers = new SpaceSaving(maxConsumers);
  return {
    merge(row, erased) {
      const state = consumersIn(row, erased);
      if (state !== undefined) consumers.merge(state);
    },
    payload: () => JSON.stringify(consumers.state()),
  };
}

/** Nothing where the row cannot be read; then that is told. */
export function endpointsIn(row: Row): EndpointsState | undefined {
  return parse<EndpointsState>(row, 'endpoints');
}

export function consumersIn(
  row: Row,
  erased: ReadonlySet<string> | undefined,
): SpaceSavingState | undefined {
  const state = parse<SpaceSavingState>(row, 'hitters');
  return state === undefined || erased === undefined ? state : without(state, erased);
}

/** The same without some consumers; how much there was of all of them stays. */
export function without(state: SpaceSavingState, erased: ReadonlySet<string>): SpaceSavingState {
  return { ...state, hitters: state.hitters.filter(([id]) => !erased.has(id)) };
}

/** @param list what makes it such a state: another version may have written something else */
function parse<T>(row: Row, list: keyof T): T | undefined {
  try {
    const state = JSON.parse(row.payload) as T;
    if (Array.isArray(state[list])) return state;
    throw new TypeError(`There is no list of ${String(list)} in ${row.payload.slice(0, 100)}`);
  } catch (error) {
    report(error, `analytics ${row.tier} of ${new Date(row.startAt).toISOString()}`);
    return undefined;
  }
}
