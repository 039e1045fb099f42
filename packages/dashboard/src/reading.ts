/**
 * A careful look into what a component says of itself. Panels know the names of numbers, never a
 * component's types: whatever is missing, or is not what its name says, is simply not known.
 */

/** A value of any kind, read as one expects it. */
export class Reading {
  private readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  /** The member of a path, such as `http.latencyMs.p95`; of an empty one the whole. */
  at(path: string): Reading {
    if (path === '') return this;
    let value = this.value;
    for (const name of path.split('.')) {
      value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    }
    return new Reading(value);
  }

  /** A finite number at `path`. */
  number(path: string): number | undefined {
    return finite(this.at(path).value);
  }

  /** A line of text at `path`, cut where it is long; numbers count as text. */
  text(path: string): string | undefined {
    return line(this.at(path).value);
  }

  /** Whether `path` holds `true`. */
  flag(path: string): boolean {
    return this.at(path).value === true;
  }

  /** A point in time at `path`, in ms since the epoch: as it is, or from ISO 8601. */
  time(path: string): number | undefined {
    const { value } = this.at(path);
    return finite(typeof value === 'string' ? Date.parse(value) : value);
  }

  /** The sum of a number, or of all numbers of an object, at `path`. */
  sum(path: string): number | undefined {
    const { value } = this.at(path);
    if (!isRecord(value)) return finite(value);
    return Object.values(value).reduce<number>((sum, one) => sum + (finite(one) ?? 0), 0);
  }

  /** The members of a list at `path`; what is no object is left out. */
  list(path: string): readonly Reading[] {
    const { value } = this.at(path);
    return Array.isArray(value) ? value.filter(isRecord).map((one) => new Reading(one)) : [];
  }

  /** The members of an object at `path`, by name. */
  entries(path: string = ''): readonly (readonly [name: string, member: Reading])[] {
    const { value } = this.at(path);
    if (!isRecord(value)) return [];
    return Object.entries(value).map(([name, member]) => [name, new Reading(member)] as const);
  }

  /** Whether there is an object, or a list, at `path`. */
  has(path: string): boolean {
    const { value } = this.at(path);
    return isRecord(value) || Array.isArray(value);
  }

  /** Every number, text and flag of an object with its path, the first `limit`; lists are counted. */
  leaves(limit: number): readonly (readonly [path: string, value: number | string])[] {
    const found: [string, number | string][] = [];
    const visit = (value: unknown, path: string, depth: number): void => {
      if (found.length >= limit) return;
      if (Array.isArray(value)) found.push([path, value.length]);
      else if (!isRecord(value)) {
        const known = finite(value) ?? line(value);
        if (known !== undefined) found.push([path, known]);
      } else if (depth < MAX_DEPTH) {
        for (const [name, member] of Object.entries(value)) {
          visit(member, path === '' ? name : `${path}.${name}`, depth + 1);
        }
      }
    };
    visit(this.value, '', 0);
    return found;
  }
}

/** Longer texts are cut: a page is no place for them, and an event goes to every tab. */
const MAX_TEXT = 160;
/** Objects deeper than this are not looked into: one may hold itself. */
const MAX_DEPTH = 6;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function line(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT - 1)}…` : value;
}
