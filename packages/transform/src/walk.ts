/**
 * One pass over a value. It writes into nothing: what changes is made anew, what does not is
 * the very same object, so that a value that a cache or a handler holds can be shared.
 */
import { codedPart } from './address.ts';
import type { Chosen } from './fields.ts';
import type { Rename } from './name-case.ts';
import type { LinkRule, Rules } from './rules.ts';

/** What a pass goes by. */
export interface Pass {
  readonly rename: Rename | undefined;
  readonly mask: string | undefined;
  readonly writeDate: (date: Date) => unknown;
  readonly maxDepth: number;
  readonly maxNodes: number;
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
  private nodes: number = 0;

  constructor(pass: Pass) {
    this.pass = pass;
  }

  shape(
    value: unknown,
    rules: Rules | undefined,
    chosen: Chosen | undefined,
    depth: number,
    name: string,
  ): unknown {
    if (typeof value === 'number')
      return rules?.decimals === undefined ? value : rounded(value, rules.decimals);
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Date) return this.pass.writeDate(value);
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function') {
      // As JSON.stringify would have it.
      const plain: unknown = toJSON.call(value, name);
      return plain === value ? value : this.shape(plain, rules, chosen, depth, name);
    }
    this.enter(depth);
    return Array.isArray(value)
      ? this.shapeArray(value, rules, chosen, depth)
      : this.shapeObject(value as Record<string, unknown>, rules, chosen, depth);
  }

  /** An array has the place of its elements. */
  private shapeArray(
    array: readonly unknown[],
    rules: Rules | undefined,
    chosen: Chosen | undefined,
    depth: number,
  ): readonly unknown[] {
    let changed: unknown[] | undefined;
    for (let at = 0; at < array.length; at++) {
      this.count();
      const element = array[at];
      const shaped = this.shape(element, rules, chosen, depth + 1, String(at));
      if (changed !== undefined) changed.push(shaped);
      else if (shaped !== element) changed = [...array.slice(0, at), shaped];
    }
    return changed ?? array;
  }

  private shapeObject(
    object: Readonly<Record<string, unknown>>,
    rules: Rules | undefined,
    chosen: Chosen | undefined,
    depth: number,
  ): object {
    const { rename, mask } = this.pass;
    const selects = chosen !== undefined && !chosen.all;
    const members: [string, unknown][] = [];
    let same = true;
    for (const [name, member] of Object.entries(object)) {
      this.count();
      const written = rename === undefined || rules?.dictionary === true ? name : rename(name);
      const inner = selects ? (chosen.members.get(written) ?? chosen.rest) : undefined;
      const own = rules?.members.get(name) ?? rules?.any;
      if ((selects && inner === undefined) || (own?.redacted === true && mask === undefined)) {
        same = false;
        continue;
      }
      const shaped =
        own?.redacted === true ? mask : this.shape(member, own, inner, depth + 1, name);
      if (shaped !== member || written !== name) same = false;
      members.push([written, shaped]);
    }
    const links = rules?.links ?? NONE;
    if (
      links.length > 0 &&
      (!selects || chosen.rest !== undefined || chosen.members.has('links'))
    ) {
      members.push(['links', linksOf(links, object)]);
      same = false;
    }
    // A name such as `__proto__` becomes a member like any other.
    return same ? object : Object.fromEntries(members);
  }

  private enter(depth: number): void {
    if (depth < this.pass.maxDepth) return;
    throw Object.assign(
      new TypeError(
        `A value that is to be shaped is deeper than ${this.pass.maxDepth}, or contains itself.`,
      ),
      { code: 'ERR_TRANSFORM_DEPTH' },
    );
  }

  private count(): void {
    if (++this.nodes <= this.pass.maxNodes) return;
    throw Object.assign(
      new TypeError(`A value that is to be shaped has more than ${this.pass.maxNodes} members.`),
      { code: 'ERR_TRANSFORM_SIZE' },
    );
  }
}

const NONE: readonly LinkRule[] = Object.freeze([]);

function rounded(value: number, decimals: number): number {
  return Number.isFinite(value) ? Number(value.toFixed(decimals)) : value;
}

/** Links whose members are all there. */
function linksOf(
  links: readonly LinkRule[],
  object: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const made: Record<string, string> = {};
  for (const { name, parts } of links) {
    let href = '';
    for (const [at, part] of parts.entries()) {
      if (at % 2 === 0) {
        href += part;
        continue;
      }
      const value = Object.hasOwn(object, part) ? object[part] : undefined;
      if (typeof value !== 'string' && typeof value !== 'number') {
        href = '';
        break;
      }
      href += codedPart(String(value));
    }
    if (href !== '') made[name] = href;
  }
  return made;
}
