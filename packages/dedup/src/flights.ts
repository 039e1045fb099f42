/**
 * Requests for the same thing at the same time: one leads and asks the handler, the others follow.
 * A leader that comes to nothing hands over to one of its followers, never to all of them; the
 * second that fails answers for everybody. So a follower waits for two leaders at most, and a
 * broken handler is asked twice for a crowd, not once by each of it.
 */
import type { Cancel, Clock, Exchange } from '@org/core';

import type { SharedAnswer } from './shared-answer.ts';

/** What a follower is told: an answer; to lead from now on; to ask for itself; or that its client is gone. */
export type Landing = SharedAnswer | 'lead' | 'alone' | 'gone';

/** How a leader came to its end. */
export type LeaderEnd =
  /** An answer for all who follow. */
  | { readonly answer: SharedAnswer; readonly failed: boolean }
  /** An answer that is for it alone. */
  | 'unshared'
  /** It was cut off, or its client went away. */
  | 'gone';

type Follower = (landing: Landing) => void;

/** A handler is asked this often for one crowd before it is let go. */
const MAX_LEADERS = 2;

/** One crowd that wants the same. */
export class Flight {
  readonly key: string;
  leader: Exchange;
  /** It is over. */
  landed: boolean = false;
  /** How many leaders came to nothing by their own doing. */
  failures: number = 0;
  readonly followers: Map<Exchange, Follower> = new Map();
  /** Stops the time limit of the leader. */
  cancel: Cancel | undefined = undefined;

  constructor(key: string, leader: Exchange) {
    this.key = key;
    this.leader = leader;
  }
}

/** All crowds of one instance. */
export class Flights {
  /** Those that may be joined. */
  private readonly flights: Map<string, Flight> = new Map();
  private readonly open: Set<Flight> = new Set();
  private readonly clock: Clock;
  private readonly maxFollowers: number;
  private readonly maxWaitMs: number;

  constructor(clock: Clock, maxFollowers: number, maxWaitMs: number) {
    this.clock = clock;
    this.maxFollowers = maxFollowers;
    this.maxWaitMs = maxWaitMs;
  }

  /** How many crowds there are. */
  get size(): number {
    return this.open.size;
  }

  /** How many wait. */
  get waiting(): number {
    let count = 0;
    for (const { followers } of this.open) count += followers.size;
    return count;
  }

  /** The crowd for a key. */
  under(key: string): Flight | undefined {
    return this.flights.get(key);
  }

  begin(key: string, leader: Exchange): Flight {
    const flight = new Flight(key, leader);
    this.flights.set(key, flight);
    this.open.add(flight);
    return flight;
  }

  /** Whether one more may wait. */
  hasRoom(flight: Flight): boolean {
    return flight.followers.size < this.maxFollowers;
  }

  /** Waits for the leader. Never rejects. The leader's time runs from the first who waits. */
  follow(flight: Flight, exchange: Exchange): Promise<Landing> {
    this.startTime(flight);
    return new Promise((resolve) => {
      flight.followers.set(exchange, resolve);
    });
  }

  /** A follower's client has gone. */
  leave(flight: Flight, exchange: Exchange): void {
    const follower = flight.followers.get(exchange);
    if (follower === undefined) return;
    flight.followers.delete(exchange);
    follower('gone');
  }

  /** A leader has come to its end; one that leads no longer has nothing to say. */
  end(flight: Flight, leader: Exchange, end: LeaderEnd): void {
    if (flight.leader !== leader || flight.landed) return;
    if (end === 'gone') {
      this.handOver(flight);
    } else if (end === 'unshared') {
      this.land(flight, 'alone');
    } else if (end.failed && ++flight.failures < MAX_LEADERS) {
      this.handOver(flight);
    } else {
      this.land(flight, end.answer);
    }
  }

  /** Nobody joins the crowds of before any longer: what they will get may be older than what is known. */
  seal(): void {
    this.flights.clear();
  }

  /** Every follower asks for itself. */
  close(): void {
    for (const flight of this.open) this.land(flight, 'alone');
  }

  private handOver(flight: Flight): void {
    flight.cancel?.();
    flight.cancel = undefined;
    const [next] = flight.followers;
    if (next === undefined) {
      this.forget(flight);
      return;
    }
    const [exchange, follower] = next;
    flight.followers.delete(exchange);
    flight.leader = exchange;
    if (flight.followers.size > 0) this.startTime(flight);
    follower('lead');
  }

  private land(flight: Flight, landing: SharedAnswer | 'alone'): void {
    flight.cancel?.();
    flight.cancel = undefined;
    this.forget(flight);
    const followers = [...flight.followers.values()];
    flight.followers.clear();
    for (const follower of followers) follower(landing);
  }

  private forget(flight: Flight): void {
    flight.landed = true;
    this.open.delete(flight);
    if (this.flights.get(flight.key) === flight) this.flights.delete(flight.key);
  }

  private startTime(flight: Flight): void {
    flight.cancel ??= this.clock.after(this.maxWaitMs, () => {
      flight.cancel = undefined;
      if (++flight.failures < MAX_LEADERS) this.handOver(flight);
      else this.land(flight, 'alone');
    });
  }
}
