/** What one server has counted; names that end in `Total` only grow. */
import type { Stats } from '@org/core';

export class Totals {
  subscriptions: number = 0;
  openedTotal: number = 0;
  closedTotal: number = 0;
  refusedTotal: number = 0;
  receivedTotal: number = 0;
  /** Messages of clients that were answered with an error. */
  rejectedTotal: number = 0;
  publishedTotal: number = 0;
  /** Events that were handed to sockets or their outboxes. */
  sentTotal: number = 0;
  recoveredTotal: number = 0;
  unrecoveredTotal: number = 0;
  deadTotal: number = 0;
  slowTotal: number = 0;
  expiredTotal: number = 0;

  snapshot(): Stats {
    return Object.fromEntries(Object.entries(this) as [string, number][]);
  }
}
