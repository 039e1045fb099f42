/**
 * The open tabs. A state is written once and sent to all; a tab that has not taken the last one is
 * passed over, so that a slow one holds nothing but what is on its way to it. One that takes
 * nothing for a minute is let go.
 */
import type { Exchange } from '@org/core';

/** An open tab. */
interface Tab {
  readonly exchange: Exchange;
  /** When it has to be let in anew, in ms since the epoch. */
  readonly untilAt: number;
  /** When it took something last, in monotonic ms. */
  takenMs: number;
}

/** A tab that has taken nothing for so long, in ms, is gone or asleep. */
const STALLED_MS = 60_000;

/** The tabs of one dashboard. */
export class Tabs {
  eventsTotal = 0;
  skippedTotal = 0;
  bytesTotal = 0;
  private readonly open = new Map<Exchange, Tab>();

  get count(): number {
    return this.open.size;
  }

  add(exchange: Exchange, untilAt: number, nowMs: number, greeting: Buffer): void {
    const tab: Tab = { exchange, untilAt, takenMs: nowMs };
    this.open.set(exchange, tab);
    this.write(tab, greeting);
  }

  remove(exchange: Exchange): void {
    this.open.delete(exchange);
  }

  /** Sends an event to every tab that has taken the one before. */
  send(event: Buffer, nowAt: number, nowMs: number): void {
    for (const tab of this.open.values()) {
      const { res } = tab.exchange;
      if (nowAt >= tab.untilAt) this.end(tab);
      else if (res.writableLength === 0) {
        tab.takenMs = nowMs;
        this.write(tab, event);
      } else {
        this.skippedTotal++;
        if (nowMs - tab.takenMs >= STALLED_MS) res.destroy();
      }
    }
  }

  /**
   * Ends every tab; a browser comes back after the pause that `farewell` asks for. One that has not
   * taken the last event is cut: nobody is to wait for it.
   */
  endAll(farewell: Buffer): void {
    for (const tab of this.open.values()) {
      const { res } = tab.exchange;
      if (res.writableLength === 0) {
        this.write(tab, farewell);
        this.end(tab);
      } else res.destroy();
    }
  }

  private end({ exchange }: Tab): void {
    this.open.delete(exchange);
    exchange.res.end();
  }

  private write({ exchange }: Tab, event: Buffer): void {
    exchange.res.write(event);
    this.eventsTotal++;
    this.bytesTotal += event.length;
  }
}
