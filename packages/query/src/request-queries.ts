/** The statements of one request: how many, how long, and which of them again and again from one line. */
import type { QueryRecord } from './query-record.ts';
import type { Statement } from './statements.ts';

/** Forms that are told apart in one request. */
const MAX_FORMS = 200;
/** Lines that are told apart for one of them. */
const MAX_LINES = 50;

/** A form of statement in one request. */
export class Repeated {
  /** Those that have ended. */
  count: number = 0;
  totalMs: number = 0;
  /** The line that repeated it more often than allowed; `null`: from a line that is not known. */
  line: string | null | undefined = undefined;
  private lines: Map<string | null, number> | undefined = undefined;
  private asked: number = 0;

  /** One of it is asked for. @returns whether it is worth remembering from where */
  asks(): boolean {
    return ++this.asked > 1 && this.line === undefined;
  }

  /** @returns whether it has become a finding by this */
  add(record: QueryRecord, threshold: number): boolean {
    const looks = this.count++ > 0 && this.line === undefined;
    if (record.durationMs >= 0) this.totalMs += record.durationMs;
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
    if (record.durationMs >= 0) this.totalMs += record.durationMs;
    if (threshold === Infinity || !statement.repeats) return;
    const form = this.formOf(statement);
    if (form?.add(record, threshold) === true) this.found.set(statement, form);
  }

  /** A statement is asked for, and will be added when it has ended. @returns whether to remember from where */
  asks(statement: Statement): boolean {
    return statement.repeats && this.formOf(statement)?.asks() === true;
  }

  private formOf(statement: Statement): Repeated | undefined {
    let form = this.forms.get(statement);
    if (form === undefined && this.forms.size < MAX_FORMS) {
      form = new Repeated();
      this.forms.set(statement, form);
    }
    return form;
  }
}
