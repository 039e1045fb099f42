/** What every statement of a session tells on a diagnostics channel, while somebody listens. */
import { channel } from 'node:diagnostics_channel';
import { type CallSite, callSite, type Exchange } from '@org/core';

import { lineOf } from './call-site.ts';

/** Name of the diagnostics channel; messages are `QueryEvent`s. */
export const QUERY_CHANNEL = '@org/db:query';

/** A statement that has ended. */
export interface QueryEvent {
  /** The request it ran for; absent outside of one. */
  readonly exchange: Exchange | undefined;
  /** Its SQL; values are never told. */
  readonly text: string;
  /** From sending it to its answer, in ms. */
  readonly durationMs: number;
  /** Rows that it brought, or changed. */
  readonly rows: number;
  readonly error: unknown;
  /**
   * The app's line that asked for it, where the session was asked for the same text before; elsewhere
   * the line that awaits it. Looked up when it is read, which is to be while it is told: who awaits it
   * is not known any more after that.
   */
  readonly callSite: string | undefined;
}

/** Publishes statements. */
export class QueryEvents {
  private readonly events: ReturnType<typeof channel> = channel(QUERY_CHANNEL);

  get listening(): boolean {
    return this.events.hasSubscribers;
  }

  /** @param below what goes on at the statement's end: by it V8 knows who awaits it */
  tell(
    event: Omit<QueryEvent, 'callSite'>,
    site: CallSite | undefined,
    // oxlint-disable-next-line typescript/no-unsafe-function-type
    below: Function,
  ): void {
    const told = new ToldQuery(event, site, below);
    this.events.publish(told);
    told.isTold = true;
  }
}

class ToldQuery implements QueryEvent {
  readonly exchange: Exchange | undefined;
  readonly text: string;
  readonly durationMs: number;
  readonly rows: number;
  readonly error: unknown;
  isTold: boolean = false;
  private readonly site: CallSite | undefined;
  // oxlint-disable-next-line typescript/no-unsafe-function-type
  private readonly below: Function;

  constructor(
    { exchange, text, durationMs, rows, error }: Omit<QueryEvent, 'callSite'>,
    site: CallSite | undefined,
    // oxlint-disable-next-line typescript/no-unsafe-function-type
    below: Function,
  ) {
    this.exchange = exchange;
    this.text = text;
    this.durationMs = durationMs;
    this.rows = rows;
    this.error = error;
    this.site = site;
    this.below = below;
  }

  get callSite(): string | undefined {
    return lineOf(this.site) ?? (this.isTold ? undefined : lineOf(callSite(this.below)));
  }
}
