/** Who takes the store that processes share, and by which option. */
import type { Component, Store } from '@org/core';

/** A store that starts and closes with the whole. */
export type SharedStore = Store & Component;

const OPTION: Readonly<Record<string, string | undefined>> = Object.freeze({
  cache: 'store',
  dedup: 'store',
  'rate-limit': 'store',
  circuit: 'store',
  security: 'store',
  websocket: 'bus',
});

/** Options of a component together with the store; what they say themselves counts more. */
export function withStore(name: string, options: object, store: Store | undefined): object {
  const option = Object.hasOwn(OPTION, name) ? OPTION[name] : undefined;
  return option === undefined || store === undefined ? options : { [option]: store, ...options };
}
