/** The numbers of each form of statement, in bounded memory: what is new once that is full counts as one. */
import { createHash } from 'node:crypto';

import { fingerprint, plannable, type Plannable } from './fingerprint.ts';
import { Percentiles, type Spread } from './percentiles.ts';
import type { QueryRecord } from './query-record.ts';

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
  private readonly durations: Percentiles = new Percentiles();

  constructor(text: string, original: string) {
    this.id = createHash('sha256').update(text).digest('hex').slice(0, 8);
    this.text = text;
    this.plannable = plannable(original);
    this.repeats = /^(?:select|with|insert|update|delete|merge|values)\b/i.test(text);
  }

  add({ durationMs, rows = 0, error }: QueryRecord, nowMs: number): void {
    this.calls++;
    this.rows += rows;
    if (error !== undefined) this.failed++;
    if (Number.isNaN(durationMs)) return;
    this.totalMs += durationMs;
    this.durations.record(durationMs, nowMs);
  }

  show(nowMs: number): ShownStatement {
    const { id, text, calls, failed, totalMs, rows } = this;
    return {
      id,
      text,
      callsTotal: calls,
      failedTotal: failed,
      rowsTotal: rows,
      totalMs: Math.round(totalMs * 1000) / 1000,
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

  /** Statements that are counted as others. */
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
    if (this.byForm.size >= this.maxStatements) return this.others;
    const statement = new Statement(form, text);
    this.byForm.set(form, statement);
    return statement;
  }
}
