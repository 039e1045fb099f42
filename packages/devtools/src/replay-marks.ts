/** Marks exchanges that are replays: no fault is drawn for them, and they are no new ones. */
import { type Exchange, stateKey } from '@org/core';

const REPLAYED = stateKey<true>('devtools replay');

export function markReplayed(exchange: Exchange): void {
  exchange.setState(REPLAYED, true);
}

export function isReplayed(exchange: Exchange): boolean {
  return exchange.getState(REPLAYED) === true;
}
