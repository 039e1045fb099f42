/**
 * What applications log with. A logger has a namespace, fields, and perhaps a
 * request; its lines carry all three. Nearer fields win: the call's over the
 * logger's, a child's over its parent's, all over those of the instance.
 */
import { OptionError } from '@org/core';

import { sampleMember } from './access-line.ts';
import { quote } from './escape.ts';
import type { Journal } from './journal.ts';
import { type LevelTable, passes } from './level-table.ts';
import {
  DEBUG,
  ERROR,
  FATAL,
  INFO,
  LEVEL_CHOICE,
  LEVELS,
  type LevelInput,
  levelNumber,
  TRACE,
  WARN,
} from './levels.ts';
import { isError, messageOf, plainFields } from './render.ts';
import {
  isExchange,
  type RequestContext,
  type RequestLike,
  type Subject,
  subjectBehind,
} from './request-context.ts';
import type { Tail } from './tail.ts';

/** Fields of a line: any values; redacted, escaped and bounded when they are written. */
export type LogFields = object;

/** What loggers of one instance share. */
export interface LoggerShared {
  readonly journal: Journal;
  readonly table: LevelTable;
  readonly context: RequestContext;
  readonly tail: Tail | undefined;
  readonly tailLevel: number;
  /** Whom the caller works for, where somebody keeps track of it; a whole may bring it. */
  current: (() => RequestLike | undefined) | undefined;
  /** Shares of lines that are written, by level. */
  readonly ratios: readonly number[];
  readonly random: () => number;
  sampledOutTotal: number;
}

/** Writes lines of one namespace. */
export class Logger {
  readonly namespace: string;
  private readonly shared: LoggerShared;
  private readonly parent: Logger | undefined;
  private readonly subject: Subject | undefined;
  private readonly fields: Readonly<Record<string, unknown>>;
  private rendered: string | undefined;
  private ownThreshold: number | undefined;
  private threshold: number = 0;
  private seenVersion: number = -1;

  /** @internal */
  constructor(
    shared: LoggerShared,
    namespace: string,
    fields: Readonly<Record<string, unknown>>,
    subject?: Subject,
    parent?: Logger,
  ) {
    this.shared = shared;
    this.namespace = namespace;
    this.fields = fields;
    this.subject = subject;
    this.parent = parent;
  }

  fatal(message: string | Error, fields?: LogFields): void {
    this.log(FATAL, message, fields);
  }

  error(message: string | Error, fields?: LogFields): void {
    this.log(ERROR, message, fields);
  }

  warn(message: string | Error, fields?: LogFields): void {
    this.log(WARN, message, fields);
  }

  info(message: string | Error, fields?: LogFields): void {
    this.log(INFO, message, fields);
  }

  debug(message: string | Error, fields?: LogFields): void {
    this.log(DEBUG, message, fields);
  }

  trace(message: string | Error, fields?: LogFields): void {
    this.log(TRACE, message, fields);
  }

  /** A logger whose lines carry these fields too; they are read now, not per line. */
  child(fields: LogFields): Logger {
    const merged = { ...this.fields, ...plainFields(fields) };
    return new Logger(this.shared, this.namespace, merged, this.subject, this);
  }

  /**
   * A logger whose lines name a request, and whose debug lines are kept for its end; or a job, by
   * the ids that it has from its request. `undefined`, of a job that has none, names nobody.
   */
  of(request: RequestLike | undefined): Logger {
    const subject = subjectBehind(request);
    const made = new Logger(this.shared, this.namespace, this.fields, subject, this);
    made.rendered = this.rendered;
    return made;
  }

  /** The level in force: this logger's own, its parent's, or the namespace's. */
  get level(): LevelInput {
    return LEVELS[this.currentThreshold()] ?? 'silent';
  }

  /** Sets the level of this logger and its children; `undefined` gives it back to the namespace. */
  set level(level: LevelInput | undefined) {
    const number = level === undefined ? undefined : levelNumber(level);
    if (level !== undefined && number === undefined) {
      throw new OptionError('logging', [`level must be ${LEVEL_CHOICE}, but is ${String(level)}.`]);
    }
    this.ownThreshold = number;
    this.shared.table.version++;
  }

  /** Whether a line of this level would be written now. */
  isEnabled(level: LevelInput): boolean {
    const number = levelNumber(level);
    return number !== undefined && passes(number, this.currentThreshold());
  }

  private log(level: number, message: string | Error, fields: LogFields | undefined): void {
    const { shared } = this;
    if (passes(level, this.currentThreshold())) {
      const ratio = shared.ratios[level]!;
      if (ratio < 1 && shared.random() >= ratio) {
        shared.sampledOutTotal++;
        return;
      }
      const subject = this.subject ?? this.currentSubject();
      const line = this.line(level, message, fields, subject, sampleMember(ratio));
      shared.journal.write(line, level);
    } else if (shared.tail !== undefined && passes(level, shared.tailLevel)) {
      const subject = this.subject ?? this.currentSubject();
      // A job has no end that would tell whether its lines matter.
      if (subject === undefined || !isExchange(subject)) return;
      const line = this.line(level, message, fields, subject, ',"tail":true');
      shared.tail.keep(subject, line, level);
    }
  }

  /** The caller's own way to know the request may fail; the line is written all the same. */
  private currentSubject(): Subject | undefined {
    const { current, journal } = this.shared;
    if (current === undefined) return undefined;
    try {
      return subjectBehind(current());
    } catch (error) {
      journal.warnOnce('option "current"', error);
      return undefined;
    }
  }

  private currentThreshold(): number {
    const { table } = this.shared;
    if (this.seenVersion !== table.version) {
      this.threshold =
        this.ownThreshold ?? this.parent?.inherited() ?? table.thresholdOf(this.namespace);
      this.seenVersion = table.version;
    }
    return this.threshold;
  }

  private inherited(): number | undefined {
    return this.ownThreshold ?? this.parent?.inherited();
  }

  private line(
    level: number,
    message: string | Error,
    fields: LogFields | undefined,
    subject: Subject | undefined,
    marks: string,
  ): string {
    const { journal, context } = this.shared;
    return (
      journal.opening(level) +
      (this.namespace === '' ? '' : `,"logger":${quote(this.namespace)}`) +
      `,"msg":${journal.renderer.text(messageOf(message))}` +
      (subject === undefined ? '' : context.members(subject)) +
      this.fieldMembers(message, fields) +
      marks +
      '}'
    );
  }

  /** No name twice in a line: parsers differ in which they believe. */
  private fieldMembers(message: unknown, given: unknown): string {
    const { renderer } = this.shared.journal;
    const inherited = (this.rendered ??= renderer.members(this.fields));
    const failed = isError(message);
    if (!failed && (given === undefined || given === null)) return inherited;
    if (!failed && typeof given === 'object' && !isError(given)) {
      if (inherited === '') return renderer.members(given!);
      if (!overlap(given!, this.fields)) return inherited + renderer.members(given!);
    }
    const err = failed ? { err: message } : {};
    return renderer.members({ ...this.fields, ...err, ...plainFields(given) });
  }
}

/** Whether two objects have a name in common. What cannot be read has none. */
function overlap(one: object, other: object): boolean {
  try {
    return Object.keys(one).some((name) => Object.hasOwn(other, name));
  } catch {
    return false;
  }
}
