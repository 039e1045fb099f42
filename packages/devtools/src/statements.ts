/**
 * Statements that a request runs again and again, once for each row of a list. A watch over
 * statements that knows more about them says so on `@org/query:finding`; without that, statements
 * of `@org/db:query` are counted by their text.
 */
import { channel } from 'node:diagnostics_channel';
import type { Exchange } from '@org/core';

import type { RepeatedStatement } from './exchange-record.ts';

/** Name of the diagnostics channel on which a watch over statements tells what it finds; messages are `Finding`s. */
export const FINDING_CHANNEL = '@org/query:finding';

/** What a watch tells. */
export interface Finding {
  /** `n-plus-one`: a statement that ran once for each row of a list. All else is not shown here. */
  readonly type: string;
  /** The request it ran for; outside of one nobody shows it. */
  readonly exchange: Exchange | undefined;
  /** Its SQL, without values. */
  readonly text: string;
  /** How often it has run so far; a later message for the same text replaces an earlier one. */
  readonly count: number;
  /** All of them together, in ms. */
  readonly durationMs?: number | undefined;
  /** The app's line that asks for it. */
  readonly callSite?: string | undefined;
  /** What to do about it, in a sentence. */
  readonly suggestion?: string | undefined;
}

/** What a database tells of a statement that has ended. */
interface QueryMessage {
  readonly exchange: Exchange | undefined;
  readonly text: string;
  readonly durationMs: number;
  /** Looked up when it is read. */
  readonly callSite?: string | undefined;
}

interface Counted {
  count: number;
  durationMs: number;
  callSite: string | undefined;
}

/**
 * Held for good, and subscribed to as they are: once a channel has been collected, Node 20 forgets
 * its name a while later, and with it whoever has subscribed to that name since.
 */
const QUERIES = channel('@org/db:query');
const FINDINGS = channel(FINDING_CHANNEL);

/** How many texts are told apart for one request. */
const MAX_TEXTS = 200;
/** How much of a text is kept. */
const MAX_TEXT_LENGTH = 2000;

/** The statements of one request. */
export class Statements {
  count: number = 0;
  durationMs: number = 0;
  private readonly counted: Map<string, Counted> = new Map();
  private readonly told: Map<string, Finding> = new Map();

  add(query: QueryMessage): void {
    const { text, durationMs } = query;
    this.count++;
    this.durationMs += durationMs;
    const shape = shapeOf(text);
    const known = this.counted.get(shape);
    if (known !== undefined) {
      known.count++;
      known.durationMs += durationMs;
      // Of what runs once nobody asks where.
      known.callSite ??= query.callSite;
    } else if (this.counted.size < MAX_TEXTS) {
      this.counted.set(shape, { count: 1, durationMs, callSite: undefined });
    }
  }

  tell(message: Finding): void {
    const shape = shapeOf(message.text);
    if (this.told.has(shape) || this.told.size < MAX_TEXTS) this.told.set(shape, message);
  }

  /** The most frequent first. Who knows better is believed: what was only counted is left out then. */
  repeated(least: number): readonly RepeatedStatement[] {
    const found: RepeatedStatement[] =
      this.told.size > 0
        ? [...this.told].map(([text, { count, durationMs, callSite, suggestion }]) => ({
            text,
            count,
            durationMs,
            callSite,
            suggestion,
          }))
        : [...this.counted]
            .filter(([, { count }]) => count >= least)
            .map(([text, counts]) => ({ text, ...counts, suggestion: undefined }));
    return found.toSorted((one, other) => other.count - one.count).slice(0, 20);
  }
}

/** Hears of statements, and hands each to those of its request. */
export class StatementWatch {
  private readonly onQuery: (message: unknown) => void;
  private readonly onFinding: (message: unknown) => void;

  constructor(statementsOf: (exchange: Exchange) => Statements | undefined) {
    this.onQuery = (message) => {
      const query = message as QueryMessage;
      if (query.exchange !== undefined) statementsOf(query.exchange)?.add(query);
    };
    this.onFinding = (message) => {
      const told = message as Finding;
      if (told.type !== 'n-plus-one' || told.exchange === undefined) return;
      statementsOf(told.exchange)?.tell(told);
    };
    QUERIES.subscribe(this.onQuery);
    FINDINGS.subscribe(this.onFinding);
  }

  close(): void {
    QUERIES.unsubscribe(this.onQuery);
    FINDINGS.unsubscribe(this.onFinding);
  }
}

/** A statement without its values, and lists of any length as one: what is the same but for them counts as the same. */
export function shapeOf(text: string): string {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .replaceAll(/'(?:[^']|'')*'|(?<![\w$])\d+(?:\.\d+)?\b/g, '?')
    .replaceAll(/\((?:\s*(?:\?|\$\d+)\s*,)+\s*(?:\?|\$\d+)\s*\)/g, '(…)')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
