/** The statements of one request: how many, how long, and which of them again and again from one line. */
import type { QueryRecord } from './query-record.ts';
import type { Statement } from './statements.ts';

/** Forms that are told apart in one request. */
const MAX_FORMS = 200;
/** Lines that are told apart for one of them. */
const MAX_LINES = 50;

/** A form of statement in one request. */
export class Repeated {
  count: number = 0;
  totalMs: number = 0;
  /** The line that repeated it more often than allowed; `null`: from a line that is not known. */
  line: string | null | undefined = undefined;
  private lines: Map<string | null, number> | undefined = undefined;

  /** Whether another one of it is worth looking at its line. */
  get wantsLine(): boolean {
    return this.count > 0 && this.line === undefined;
  }

  /** @returns whether it has become a finding by this */
  add(record: QueryRecord, threshold: number): boolean {
    const looks = this.wantsLine;
    this.count++;
    if (!Number.isNaN(record.durationMs)) this.totalMs += record.durationMs;
    if (!looks) return false;
    const lines = (this.lines ??= new Map());
    // A path of its own through the code each time is no loop.
    const line = record.callSite ?? null;
    const count = (lines.get(line) ?? 0) + 1;
    if (count > 1 || lines.size < MAX_LINES) lines.set(line, count);
    if (count < threshold) return false;
    this.line = line;
    this.lines = undefined;
    return true;
  }
}

export class RequestQueries {
  count: number = 0;
  totalMs: number = 0;
  /** What was found to repeat. */
  readonly found: Map<Statement, Repeated> = new Map();
  private readonly forms: Map<Statement, Repeated> = new Map();

  /** @param threshold repetitions that are allowed; Infinity looks for none */
  add(statement: Statement, record: QueryRecord, threshold: number): void {
    this.count++;
    if (!Number.isNaN(record.durationMs)) this.totalMs += record.durationMs;
    if (threshold === Infinity || !statement.repeats) return;
    let form = this.forms.get(statement);
    if (form === undefined) {
      if (this.forms.size >= MAX_FORMS) return;
      form = new Repeated();
      this.forms.set(statement, form);
    }
    if (form.add(record, threshold)) this.found.set(statement, form);
  }

  /** Whether the line that asks for another one of it would be looked at. */
  wantsLine(statement: Statement): boolean {
    return this.forms.get(statement)?.wantsLine === true;
  }
}
