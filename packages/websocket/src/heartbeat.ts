/**
 * One timer for all connections. They stand in the slots of a wheel that turns once in a heartbeat:
 * at each step those of one slot are pinged, or ended where nothing was heard since the last time.
 * So the pings of ten thousand connections are spread, and each costs no timer of its own.
 */
import type { Connection } from './connection.ts';

/** A step of the wheel, in ms. */
export const STEP_MS = 1000;

/** Pings connections, and finds those that are dead. */
export class Heartbeat {
  private readonly slots: readonly Set<Connection>[];
  private readonly onDead: (connection: Connection) => void;
  private at: number = 0;
  private next: number = 0;

  /** @param everyMs how often each connection is pinged; whole steps */
  constructor(everyMs: number, onDead: (connection: Connection) => void) {
    const steps = Math.max(1, Math.round(everyMs / STEP_MS));
    this.slots = Array.from({ length: steps }, () => new Set<Connection>());
    this.onDead = onDead;
  }

  add(connection: Connection): void {
    connection.slot = this.next;
    this.slots[this.next]!.add(connection);
    this.next = (this.next + 1) % this.slots.length;
  }

  remove(connection: Connection): void {
    this.slots[connection.slot]!.delete(connection);
  }

  /** Turns the wheel by one slot. */
  step(): void {
    for (const connection of this.slots[this.at]!) {
      if (connection.heard) {
        connection.heard = false;
        connection.ping();
      } else {
        this.onDead(connection);
      }
    }
    this.at = (this.at + 1) % this.slots.length;
  }
}
