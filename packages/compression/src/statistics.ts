/** The numbers of one instance, and the telling of what they count. */
import type { Exchange, Listeners, Stats } from '@org/core';

import type { CompressionEvent, Skip } from './events.ts';
import type { Coding } from './options.ts';

/** Counts since the start; a name that ends in `Total` only grows. */
export class Statistics {
  private readonly listeners: Listeners<CompressionEvent>;
  private readonly codedTotal: Partial<Record<Coding, number>> = {};
  private readonly skippedTotal: Partial<Record<Skip, number>> = {};
  private inBytesTotal: number = 0;
  private outBytesTotal: number = 0;

  constructor(listeners: Listeners<CompressionEvent>) {
    this.listeners = listeners;
  }

  /** An answer was coded, and so many bytes of it became so many. */
  coded(coding: Coding, inBytes: number, outBytes: number, exchange: Exchange): void {
    this.codedTotal[coding] = (this.codedTotal[coding] ?? 0) + 1;
    this.inBytesTotal += inBytes;
    this.outBytesTotal += outBytes;
    if (this.listeners.listening) {
      this.listeners.tell({ type: 'coded', coding, inBytes, outBytes, exchange });
    }
  }

  /** An answer was not coded. */
  skipped(reason: Skip, exchange: Exchange): undefined {
    this.skippedTotal[reason] = (this.skippedTotal[reason] ?? 0) + 1;
    if (this.listeners.listening) this.listeners.tell({ type: 'skipped', reason, exchange });
    return undefined;
  }

  /** `ratio`: bytes sent per byte taken; 1 before the first. */
  read(): Stats {
    const { inBytesTotal, outBytesTotal } = this;
    return {
      codedTotal: { ...this.codedTotal },
      skippedTotal: { ...this.skippedTotal },
      inBytesTotal,
      outBytesTotal,
      ratio: inBytesTotal === 0 ? 1 : outBytesTotal / inBytesTotal,
    };
  }
}
