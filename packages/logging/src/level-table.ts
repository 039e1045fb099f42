/**
 * Which lines are written: a threshold per namespace, changeable while the process
 * runs. What was set at run time goes before what was configured, because somebody
 * is looking now; within each the most specific pattern wins. A temporary rule
 * takes itself away, so that nobody has to remember to.
 */
import { type Cancel, type Clock, MAX_DELAY_MS, OptionError } from '@org/core';

import { LEVEL_CHOICE, LEVELS, type LevelInput, levelNumber, SILENT } from './levels.ts';

/** Rules set at run time, at most: they come from operators, not from requests. */
const MAX_RULES = 100;
/** A namespace, or a family of them: `db`, `db.pool`, `db.*`, `*`. */
const PATTERN = /^(?:\*|[\w:/@-]+(?:\.[\w:/@-]+)*(?:\.\*)?)$/;

interface Rule {
  readonly level: number;
  readonly cancel: Cancel | undefined;
}

/** Thresholds by namespace. */
export class LevelTable {
  /** Grows with every change, so that loggers know when to look again. */
  version: number = 0;
  private readonly clock: Clock;
  private readonly base: number;
  private readonly configured: ReadonlyMap<string, Rule>;
  private readonly rules: Map<string, Rule> = new Map();

  constructor(clock: Clock, level: LevelInput, levels: Readonly<Record<string, LevelInput>>) {
    this.clock = clock;
    this.base = numberOf(level);
    this.configured = new Map(
      Object.entries(levels).map(([pattern, name]) => [
        patternOf(pattern),
        { level: numberOf(name), cancel: undefined },
      ]),
    );
  }

  /** Sets the level of a namespace or family; with `forMs` it goes back by itself. */
  set(pattern: string, level: LevelInput, forMs?: number): void {
    const key = patternOf(pattern);
    const number = numberOf(level);
    if (forMs !== undefined && !(forMs > 0 && forMs <= MAX_DELAY_MS)) {
      throw new OptionError('logging', [
        `forMs must be a duration in ms, above 0 and at most ${MAX_DELAY_MS}, but is ${String(forMs)}.`,
      ]);
    }
    if (!this.rules.has(key) && this.rules.size >= MAX_RULES) {
      throw new OptionError('logging', [
        `${MAX_RULES} levels are set already; reset one before setting "${key}".`,
      ]);
    }
    this.rules.get(key)?.cancel?.();
    const cancel = forMs === undefined ? undefined : this.clock.after(forMs, () => this.reset(key));
    this.rules.set(key, { level: number, cancel });
    this.version++;
  }

  /** Takes a rule away again; what was configured shows through. */
  reset(pattern: string): void {
    this.rules.get(pattern)?.cancel?.();
    if (this.rules.delete(pattern)) this.version++;
  }

  /** The threshold of a namespace. */
  thresholdOf(namespace: string): number {
    return find(this.rules, namespace) ?? find(this.configured, namespace) ?? this.base;
  }

  /** Rules set at run time: pattern to level. */
  snapshot(): Record<string, string> {
    return Object.fromEntries(
      [...this.rules].map(([pattern, { level }]) => [pattern, LEVELS[level] ?? 'silent']),
    );
  }

  close(): void {
    for (const { cancel } of this.rules.values()) cancel?.();
    this.rules.clear();
    this.version++;
  }
}

/** From the namespace itself to ever wider families. */
function find(rules: ReadonlyMap<string, Rule>, namespace: string): number | undefined {
  if (rules.size === 0) return undefined;
  const exact = rules.get(namespace);
  if (exact !== undefined) return exact.level;
  let family = namespace;
  while (family !== '') {
    const rule = rules.get(`${family}.*`);
    if (rule !== undefined) return rule.level;
    family = family.slice(0, Math.max(0, family.lastIndexOf('.')));
  }
  return rules.get('*')?.level;
}

function patternOf(pattern: string): string {
  if (typeof pattern === 'string' && PATTERN.test(pattern)) return pattern;
  throw new OptionError('logging', [
    `a namespace pattern must be like "db", "db.pool", "db.*" or "*", but is ${JSON.stringify(pattern)}.`,
  ]);
}

function numberOf(level: LevelInput): number {
  const number = levelNumber(level);
  if (number !== undefined) return number;
  throw new OptionError('logging', [`a level must be ${LEVEL_CHOICE}, but is ${String(level)}.`]);
}

/** Whether a line of `level` passes `threshold`. */
export function passes(level: number, threshold: number): boolean {
  return threshold !== SILENT && level <= threshold;
}
