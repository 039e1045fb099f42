/**
 * One pass over a value. It writes into nothing: what changes is made anew, what does not is
 * the very same object, so that a value that a cache or a handler holds can be shared. Where
 * nothing holds, it does not even look.
 */
import { types } from 'node:util';

import type { Chosen } from './fields.ts';
import { type LinkRule, type LinkStyle, linksOf, wantsLinks } from './links.ts';
import type { Rename } from './name-case.ts';
import type { Rules } from './rules.ts';

/** What a pass goes by, wherever it is. */
export interface Pass {
  readonly rename: Rename | undefined;
  /** Names that are redacted wherever they stand. */
  readonly anywhere: ReadonlySet<string> | undefined;
  readonly mask: string | undefined;
  /** How each `Date` is written; absent where JSON's way is right. */
  readonly writeDate: ((date: Date) => unknown) | undefined;
  readonly bigintsAsText: boolean;
  /** Absent where none are made. */
  readonly links: LinkStyle | undefined;
  readonly maxDepth: number;
  readonly maxNodes: number;
}

type Members = Readonly<Record<string, unknown>>;

/** Whether a pass has something to do where there are no rules for the place. */
export function isThorough(pass: Pass): boolean {
  const { rename, anywhere, writeDate, bigintsAsText } = pass;
  return rename !== undefined || anywhere !== undefined || writeDate !== undefined || bigintsAsText;
}

/** A value as the shape has it. @throws TypeError for one that is too deep, a circle, or too large */
export function walk(
  pass: Pass,
  value: unknown,
  rules: Rules | undefined,
  chosen: Chosen | undefined,
): unknown {
  return new Walk(pass).shape(value, rules, chosen, 0, '');
}

class Walk {
  private readonly pass: Pass;
  private readonly thorough: boolean;
  private nodes: number = 0;

  constructor(pass: Pass) {
    this.pass = pass;
    this.thorough = isThorough(pass);
  }

  shape(
    value: unknown,
    rules: Rules | undefined,
    chosen: Chosen | undefined,
    depth: number,
    name: string,
  ): unknown {
    if (typeof value !== 'object' || value === null) return this.shapeScalar(value, rules);
    const chooses = chosen !== undefined && !chosen.all;
    if (!this.thorough && rules === undefined && !chooses) return value;
    if (value instanceof Date) {
      const formatted = this.shapeScalar(value, rules);
      return formatted === value ? (this.pass.writeDate?.(value) ?? value) : formatted;
    }
    let plain: object = value;
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function') {
      // As JSON.stringify has it: asked once, whatever it answers.
      const written: unknown = toJSON.call(value, name);
      if (typeof written !== 'object' || written === null) return this.shapeScalar(written, rules);
      plain = written;
    }
    if (depth >= this.pass.maxDepth) throw this.tooDeep();
    if (Array.isArray(plain)) return this.shapeArray(plain, rules, chosen, depth);
    if (Object.getPrototypeOf(plain) !== Object.prototype) {
      // `new Number(1)` is what it holds, and what `JSON.rawJSON` makes is one text.
      if (types.isBoxedPrimitive(plain)) return this.shapeScalar(plain.valueOf(), rules);
      if (isRawJSON?.(plain) === true) return plain;
    }
    return this.shapeObject(plain as Members, rules, chooses ? chosen : undefined, depth);
  }

  private shapeScalar(value: unknown, rules: Rules | undefined): unknown {
    if (typeof value === 'bigint') return this.pass.bigintsAsText ? String(value) : value;
    return rules?.format === undefined ? value : rules.format(value);
  }

  /** An array has the place of its elements. */
  private shapeArray(
    array: readonly unknown[],
    rules: Rules | undefined,
    chosen: Chosen | undefined,
    depth: number,
  ): readonly unknown[] {
    let changed: unknown[] | undefined;
    this.count(array.length);
    for (let at = 0; at < array.length; at++) {
      const element = array[at];
      const shaped = this.shape(element, rules, chosen, depth + 1, String(at));
      if (changed !== undefined) changed.push(shaped);
      else if (shaped !== element) changed = [...array.slice(0, at), shaped];
    }
    return changed ?? array;
  }

  /** `chosen` is there only where it leaves something out. */
  private shapeObject(
    object: Members,
    rules: Rules | undefined,
    chosen: Chosen | undefined,
    depth: number,
  ): Members {
    const { rename, mask, anywhere, links } = this.pass;
    const names = Object.keys(object);
    const renames = rename !== undefined && rules?.dictionary !== true;
    this.count(names.length);
    let changed: Record<string, unknown> | undefined;
    for (let at = 0; at < names.length; at++) {
      const name = names[at]!;
      const written = renames ? rename(name) : name;
      const inner = chosen === undefined ? undefined : (chosen.members.get(written) ?? chosen.rest);
      const own = rules === undefined ? undefined : (rules.members.get(name) ?? rules.any);
      const redacted = own?.redacted === true || anywhere?.has(name) === true;
      if ((chosen !== undefined && inner === undefined) || (redacted && mask === undefined)) {
        changed ??= firstMembers(object, names, at);
        continue;
      }
      // What is redacted is not even read.
      const member = redacted ? undefined : object[name];
      const shaped = redacted ? mask : this.shape(member, own, inner, depth + 1, name);
      if (changed === undefined) {
        if (shaped === member && written === name) continue;
        changed = firstMembers(object, names, at);
      }
      put(changed, written, shaped);
    }
    const made = links === undefined ? NONE : (rules?.links ?? NONE);
    if (made.length === 0 || links === undefined || !wantsLinks(links, chosen)) {
      return changed ?? object;
    }
    const linked: Record<string, unknown> = changed ?? { ...object };
    linked[links.member] = linksOf(made, links, object, chosen, linked[links.member]);
    return linked;
  }

  private count(more: number): void {
    this.nodes += more;
    if (this.nodes <= this.pass.maxNodes) return;
    throw Object.assign(
      new TypeError(`A value that is to be shaped has more than ${this.pass.maxNodes} members.`),
      { code: 'ERR_TRANSFORM_SIZE' },
    );
  }

  private tooDeep(): TypeError {
    return Object.assign(
      new TypeError(
        `A value that is to be shaped is deeper than ${this.pass.maxDepth}, or contains itself.`,
      ),
      { code: 'ERR_TRANSFORM_DEPTH' },
    );
  }
}

const NONE: readonly LinkRule[] = Object.freeze([]);

/** Runtimes before Node 21 have none. */
const { isRawJSON } = JSON as { readonly isRawJSON?: (value: unknown) => boolean };

/** The members before one that changes. */
function firstMembers(
  object: Members,
  names: readonly string[],
  count: number,
): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (let at = 0; at < count; at++) put(made, names[at]!, object[names[at]!]);
  return made;
}

/** A name such as `__proto__` becomes a member like any other. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value;
  else {
    Object.defineProperty(object, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}
