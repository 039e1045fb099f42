/** The numbers of each form of statement, in bounded memory: what was not asked for of late goes first. */
import { createHash } from 'node:crypto';
import { Percentiles, type Spread } from '@org/core';

import { fingerprint, plannable, type Plannable } from './fingerprint.ts';
import type { QueryRecord } from './query-record.ts';
import { rounded } from './rounded.ts';

/** Percentiles are of the last one to two of these. */
export const WINDOW_MS = 300_000;

/** Texts whose form is remembered; longer ones are read each time. */
const MAX_TEXTS = 2000;
const MAX_TEXT_CHARS = 5000;

/** The numbers of one form, for operators. */
export interface ShownStatement {
  readonly id: string;
  readonly text: string;
  readonly callsTotal: number;
  readonly failedTotal: number;
  readonly rowsTotal: number;
  readonly totalMs: number;
  readonly durationMs: Spread;
}

/** One form of statement. */
export class Statement {
  /** Names it in addresses: eight characters of its hash. */
  readonly id: string;
  /** Its fingerprint. */
  readonly text: string;
  readonly plannable: Plannable | undefined;
  /** Repeating it for each of many is worth a finding: it is no `begin`, `set` and so on. */
  readonly repeats: boolean;
  calls: number = 0;
  failed: number = 0;
  totalMs: number = 0;
  rows: number = 0;
  /** When it was asked for last, in monotonic ms. */
  lastMs: number = 0;
  private readonly durations: Percentiles = new Percentiles(WINDOW_MS);

  constructor(text: string, original: string) {
    this.id = createHash('sha256').update(text).digest('hex').slice(0, 8);
    this.text = text;
    this.plannable = plannable(original);
    this.repeats = /^(?:select|with|insert|update|delete|merge|values)\b/i.test(text);
  }

  add({ durationMs, rows = 0, error }: QueryRecord, nowMs: number): void {
    this.calls++;
    this.lastMs = nowMs;
    this.rows += rows;
    if (error !== undefined) this.failed++;
    // Nobody may know how long it took.
    if (!(durationMs >= 0)) return;
    this.totalMs += durationMs;
    this.durations.record(durationMs, nowMs);
  }

  /** Another one is forgotten, and counts as this one. */
  take({ calls, failed, totalMs, rows }: Statement): void {
    this.calls += calls;
    this.failed += failed;
    this.totalMs += totalMs;
    this.rows += rows;
  }

  show(nowMs: number): ShownStatement {
    const { id, text, calls, failed, totalMs, rows } = this;
    return {
      id,
      text,
      callsTotal: calls,
      failedTotal: failed,
      rowsTotal: rows,
      totalMs: rounded(totalMs),
      durationMs: this.durations.read(nowMs),
    };
  }
}

export class Statements {
  private readonly maxStatements: number;
  private readonly byForm: Map<string, Statement> = new Map();
  private readonly byText: Map<string, Statement> = new Map();
  private readonly others: Statement = new Statement('(others)', '');

  constructor(maxStatements: number) {
    this.maxStatements = maxStatements;
  }

  get size(): number {
    return this.byForm.size;
  }

  /** Statements that were forgotten, and are counted as others. */
  get overflowed(): number {
    return this.others.calls;
  }

  of(text: string): Statement {
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    const form = fingerprint(text);
    const statement = this.byForm.get(form) ?? this.add(form, text);
    if (text.length <= MAX_TEXT_CHARS) {
      // Texts that differ in each statement are worth nothing, and go with all others.
      if (this.byText.size >= MAX_TEXTS) this.byText.clear();
      this.byText.set(text, statement);
    }
    return statement;
  }

  /** By its id. */
  find(id: string): Statement | undefined {
    for (const statement of this.byForm.values()) if (statement.id === id) return statement;
    return undefined;
  }

  /** Those that took the most time in all. */
  top(count: number): Statement[] {
    const all = [...this.byForm.values()];
    if (this.others.calls > 0) all.push(this.others);
    return all.toSorted((one, other) => other.totalMs - one.totalMs).slice(0, count);
  }

  private add(form: string, text: string): Statement {
    if (this.byForm.size >= this.maxStatements) this.forget();
    const statement = new Statement(form, text);
    this.byForm.set(form, statement);
    return statement;
  }

  /** Makes room: a tenth at once, so that statements which are ever new cost no search each. */
  private forget(): void {
    const byAge = [...this.byForm].toSorted(([, one], [, other]) => one.lastMs - other.lastMs);
    for (const [form, statement] of byAge.slice(0, Math.ceil(this.maxStatements / 10))) {
      this.byForm.delete(form);
      this.others.take(statement);
    }
    this.byText.clear();
  }
}
