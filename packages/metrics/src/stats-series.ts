/**
 * Series from what components tell of themselves: every number in `stats()` becomes one, by rules
 * that need to know no component.
 *
 * - The name is the path to the number: `{ pool: { inUse } }` of `db` is `db.pool.in_use`.
 * - `…Total` is a counter, all else a gauge. `…Ms` becomes seconds, `…Bytes` bytes, `…Ratio` a
 *   ratio, `…At` seconds since the epoch; a group that is named so lends its unit to its numbers.
 * - Booleans are 1 and 0. Texts are left out.
 * - A list of objects is a table: `name`, `route` and their like are labels, the numbers series. So is
 *   a group in the plural whose members are groups; their keys are the label `name`. A row that holds
 *   nothing but groups is a table in turn, by the label `part`.
 * - A group of numbers that is named `…Total` is one counter; its keys are the label `name`.
 * - Tables of single events (`id` or `at` in a row) are for people, and left out. So are callers: a
 *   `consumer` is no label, for each that ever calls would be a series for ever where they are stored.
 */
import { type Component, report, type Stats } from '@org/core';

import {
  type Family,
  type Labels,
  type Merge,
  type NumberFamily,
  type Sample,
  sampleName,
  type Unit,
} from './family.ts';
import type { Overflow } from './overflow.ts';

/** Members of a row that tell which one it is. */
const LABELS: readonly string[] = [
  'name',
  'route',
  'method',
  'endpoint',
  'channel',
  'version',
  'type',
  'kind',
];

/** How deep groups may be nested before the rest is left out. */
const MAX_DEPTH = 8;
/** Members of one component that are looked at: circles in many places would never end. */
const MAX_MEMBERS = 100_000;

const UNITS: readonly (readonly [ending: string, unit: Unit, factor: number, merge: Merge])[] = [
  ['Ms', 's', 1e-3, 'max'],
  ['Bytes', 'By', 1, 'sum'],
  ['Ratio', '1', 1, 'mean'],
];

/** What a group lends to its members. */
interface Lent {
  readonly unit: Unit;
  readonly factor: number;
  readonly merge: Merge;
}

const NOTHING_LENT: Lent = Object.freeze({ unit: '', factor: 1, merge: 'sum' });

/** The series of one scrape. */
export class StatsSeries {
  /** By what their samples are called: `queued` and `queuedTotal` are two, though of one name. */
  private readonly families: Map<string, NumberFamily & { readonly samples: Sample[] }> = new Map();
  private readonly seen: Set<string> = new Set();
  private readonly overflow: Overflow;
  private readonly prefix: string;
  private members: number = 0;

  constructor(prefix: string, overflow: Overflow) {
    this.prefix = prefix;
    this.overflow = overflow;
  }

  /** Adds a component's numbers. */
  add(name: string, stats: Stats): void {
    this.members = 0;
    this.group([this.prefix, ...words(name)], stats, {}, NOTHING_LENT, 0);
  }

  all(): readonly Family[] {
    return [...this.families.values()];
  }

  private group(
    path: readonly string[],
    stats: Stats,
    labels: Labels,
    lent: Lent,
    depth: number,
  ): void {
    if (depth > MAX_DEPTH) return;
    for (const [key, value] of Object.entries(stats)) {
      if (++this.members > MAX_MEMBERS) return;
      if (typeof value === 'number' || typeof value === 'boolean') {
        this.number(path, key, value, labels, lent);
      } else if (Array.isArray(value)) {
        this.table([...path, ...words(key)], value as readonly unknown[], labels, depth);
      } else if (typeof value === 'object' && value !== null) {
        const [stem, own] = unitOf(key);
        const inside = own ?? lent;
        const below = stem === '' ? path : [...path, ...words(stem)];
        const members = value as Stats;
        if (isTally(key, members)) this.tally(path, key, members, labels);
        else if (isTable(key, members)) this.named(below, members, labels, inside, depth);
        else this.group(below, members, labels, inside, depth + 1);
      }
    }
  }

  private table(
    path: readonly string[],
    rows: readonly unknown[],
    labels: Labels,
    depth: number,
  ): void {
    for (const row of rows) {
      if (!isGroup(row) || 'id' in row || 'at' in row) continue;
      const own = LABELS.filter((label) => typeof row[label] === 'string');
      if (own.length === 0) continue;
      const more = Object.fromEntries(own.map((label) => [label, row[label] as string]));
      this.group(path, row, { ...labels, ...more }, NOTHING_LENT, depth + 1);
    }
  }

  private named(
    path: readonly string[],
    rows: Stats,
    labels: Labels,
    lent: Lent,
    depth: number,
  ): void {
    // In a table in a table the inner name must not hide the outer one.
    const label = 'name' in labels ? 'part' : 'name';
    for (const [key, row] of Object.entries(rows) as [string, Stats][]) {
      const own = { ...labels, [label]: key };
      if (depth < MAX_DEPTH && isOnlyGroups(row)) this.named(path, row, own, lent, depth + 1);
      else this.group(path, row, own, lent, depth + 1);
    }
  }

  private tally(path: readonly string[], key: string, counts: Stats, labels: Labels): void {
    const label = 'name' in labels ? 'part' : 'name';
    for (const [name, count] of Object.entries(counts)) {
      this.number(path, key, count as number, { ...labels, [label]: name }, NOTHING_LENT);
    }
  }

  private number(
    path: readonly string[],
    key: string,
    value: number | boolean,
    labels: Labels,
    lent: Lent,
  ): void {
    if (Number.isNaN(value)) return;
    const isCounter = key.endsWith('Total');
    const [stem, unit, factor, merge] = measure(
      isCounter ? key.slice(0, -'Total'.length) : key,
      lent,
    );
    const help = `${key} of ${path.slice(1).join(' ')}.`;
    const family: NumberFamily = {
      name: (stem === '' ? path : [...path, ...words(stem)]).join('.'),
      unit,
      help,
      kind: isCounter ? 'counter' : 'gauge',
      // What is so in one process or in several is so.
      merge: isCounter ? 'sum' : typeof value === 'boolean' ? 'max' : merge,
      samples: [],
    };
    const name = sampleName(family);
    const series = `${name} ${JSON.stringify(labels)}`;
    if (this.seen.has(series) || !this.overflow.admits(this.seen.size, series)) return;
    this.seen.add(series);
    let known = this.families.get(name);
    if (known === undefined) {
      known = { ...family, samples: [] };
      this.families.set(name, known);
    }
    // `xTotal: 1` beside a level that is called `x_total`: two kinds cannot both be told.
    if (known.kind === family.kind) known.samples.push({ labels, value: Number(value) * factor });
  }
}

/** The series of components, those without numbers left out. One that fails is told of once. */
export function statsFamilies(
  components: readonly Component[],
  prefix: string,
  overflow: Overflow,
  failed: WeakSet<Component>,
): readonly Family[] {
  const series = new StatsSeries(prefix, overflow);
  for (const component of components) {
    if (component.stats === undefined) continue;
    try {
      series.add(component.name, component.stats());
    } catch (error) {
      if (!failed.has(component)) report(error, `stats of ${component.name}`);
      failed.add(component);
    }
  }
  return series.all();
}

/** The key without its unit, and what the unit means; nothing where it has none. */
function unitOf(key: string): readonly [string, Lent | undefined] {
  for (const [ending, unit, factor, merge] of UNITS) {
    // `ratio` alone is one as well.
    if (key.endsWith(ending) || key === ending.toLowerCase()) {
      return [key.slice(0, -ending.length), { unit, factor, merge }];
    }
  }
  return [key, undefined];
}

function measure(key: string, lent: Lent): readonly [string, Unit, number, Merge] {
  if (/[a-z]At$/.test(key)) return [`${key.slice(0, -2)}Timestamp`, 's', 1e-3, 'max'];
  const [stem, own] = unitOf(key);
  const { unit, factor, merge } = own ?? lent;
  return [stem, unit, factor, merge];
}

/** `checks`, `breakers`, `routes`: many of one sort, by their names. */
function isTable(key: string, members: Stats): boolean {
  const rows = Object.values(members);
  return /[a-z]s$/.test(key) && !key.endsWith('ss') && rows.length > 0 && rows.every(isGroup);
}

/** A row of a table that is a table itself, though nothing in its name says so. */
function isOnlyGroups(row: Stats): boolean {
  const members = Object.entries(row);
  return members.length > 0 && members.every(([key, one]) => isGroup(one) && !isTable(key, one));
}

/** `requestsTotal: { '2026-01-01': 40 }`. */
function isTally(key: string, members: Stats): boolean {
  return key.endsWith('Total') && Object.values(members).every((one) => typeof one === 'number');
}

function isGroup(value: unknown): value is Stats {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `rate-limit`, `security:csrf` and `bufferedLines` as words. */
function words(name: string): string[] {
  const parts = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((part) => part !== '');
  return parts.length === 0 ? ['_'] : [parts.join('_')];
}
