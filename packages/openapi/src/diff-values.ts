/** Compares what two schemas say of a value itself: its type, its values, its bounds and its form. */
import { type Comparison, isSame, member, type Side } from './diff-change.ts';
import { type Direction, show, tell } from './diff-direction.ts';

type Schema = Readonly<Record<string, unknown>>;

const ALL_TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

/** The types that a schema takes; every number is a whole one or not. */
function typesOf({ value }: Side): ReadonlySet<string> {
  const { type, const: only, enum: values } = value as Schema;
  if (type === undefined) {
    // What is one of a few values is of their types.
    const given = values ?? (only === undefined ? undefined : [only]);
    if (!Array.isArray(given)) return new Set(ALL_TYPES);
    return new Set(given.flatMap(typeOfValue));
  }
  const types = new Set([type].flat() as string[]);
  if (types.has('number')) types.add('integer');
  return types;
}

function typeOfValue(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (Number.isInteger(value)) return ['integer', 'number'];
  return [typeof value];
}

/** Answers whether it makes sense to look further. */
export function diffTypes(
  comparison: Comparison,
  old: Side,
  now: Side,
  direction: Direction,
): boolean {
  const [was, is] = [typesOf(old), typesOf(now)];
  const gone = [...was].filter((type) => !is.has(type));
  const come = [...is].filter((type) => !was.has(type));
  const words = `the type was ${typesText(was)} and is ${typesText(is)}`;
  const at = member(now, 'type').value === undefined ? now : member(now, 'type');
  if (gone.length > 0) tell(comparison, direction, 'type', 'narrowed', at, words);
  if (come.length > 0) tell(comparison, direction, 'type', 'widened', at, words);
  return [...is].some((type) => was.has(type));
}

function typesText(types: ReadonlySet<string>): string {
  if (types.size === ALL_TYPES.length) return 'anything';
  const shown = [...types].filter((type) => type !== 'integer' || !types.has('number'));
  return shown.toSorted().join(' or ');
}

export function diffValues(
  comparison: Comparison,
  old: Side,
  now: Side,
  direction: Direction,
): void {
  const [was, is] = [valuesOf(old), valuesOf(now)];
  if (was === undefined && is === undefined) return;
  const name = (now.value as Schema)['const'] === undefined ? 'enum' : 'const';
  const at = is === undefined ? now : member(now, name);
  const gone = is === undefined ? [] : (was ?? []).filter((one) => !has(is, one));
  const come = was === undefined ? [] : (is ?? []).filter((one) => !has(was, one));
  if (was === undefined) {
    tell(
      comparison,
      direction,
      'enum',
      'narrowed',
      at,
      `only ${is!.map(show).join(', ')} are left`,
    );
  } else if (gone.length > 0) {
    tell(comparison, direction, 'enum', 'narrowed', at, `${gone.map(show).join(', ')} is gone`);
  }
  if (is === undefined) {
    tell(comparison, direction, 'enum', 'widened', at, 'every value is possible now');
  } else if (come.length > 0) {
    tell(comparison, direction, 'enum', 'widened', at, `${come.map(show).join(', ')} is new`);
  }
}

function valuesOf({ value }: Side): readonly unknown[] | undefined {
  const { const: only, enum: values } = value as Schema;
  if (only !== undefined) return [only];
  return Array.isArray(values) ? values : undefined;
}

function has(values: readonly unknown[], one: unknown): boolean {
  return values.some((value) => isSame(value, one));
}

/** A limit of a value; the exclusive one leaves its own number out. */
interface Limit {
  readonly name: string;
  readonly isLower: boolean;
  /** What holds where nothing is said. */
  readonly none: number;
  readonly exclusive?: string;
}

const LIMITS: readonly Limit[] = [
  { name: 'minimum', isLower: true, none: -Infinity, exclusive: 'exclusiveMinimum' },
  { name: 'maximum', isLower: false, none: Infinity, exclusive: 'exclusiveMaximum' },
  ...['Length', 'Items', 'Properties'].flatMap((of) => [
    { name: `min${of}`, isLower: true, none: 0 },
    { name: `max${of}`, isLower: false, none: Infinity },
  ]),
];

/** How far a schema lets a value go: the tighter of what it says. */
interface Bound {
  readonly at: Side;
  readonly number: number;
  readonly isExclusive: boolean;
  readonly words: string;
}

export function diffBounds(
  comparison: Comparison,
  old: Side,
  now: Side,
  direction: Direction,
): void {
  for (const limit of LIMITS) {
    const [was, is] = [boundOf(old, limit), boundOf(now, limit)];
    const further =
      was.number === is.number ? 0 : is.number > was.number === limit.isLower ? 1 : -1;
    const tighter = further || Number(is.isExclusive) - Number(was.isExclusive);
    if (tighter === 0) continue;
    const at = is.number === limit.none ? was.at : is.at;
    const words = `it was ${was.words} and is ${is.words}`;
    tell(comparison, direction, 'bound', tighter > 0 ? 'narrowed' : 'widened', at, words);
  }
}

function boundOf(side: Side, { name, isLower, none, exclusive }: Limit): Bound {
  const isWhole = (side.value as Schema)['type'] === 'integer';
  let bound: Bound = { at: side, number: none, isExclusive: false, words: `no ${name}` };
  for (const one of exclusive === undefined ? [name] : [name, exclusive]) {
    const at = member(side, one);
    if (typeof at.value !== 'number') continue;
    // Whole numbers above 0 are those from 1 on.
    const step = one === exclusive && isWhole && Number.isInteger(at.value) ? 1 : 0;
    const number = at.value + (isLower ? step : -step);
    const isExclusive = one === exclusive && step === 0;
    if (number === bound.number ? isExclusive : number > bound.number === isLower) {
      bound = { at, number, isExclusive, words: `${one} ${at.value}` };
    }
  }
  return bound;
}

/** Forms cannot be compared, only told apart. */
export function diffForms(
  comparison: Comparison,
  old: Side,
  now: Side,
  direction: Direction,
): void {
  for (const name of ['pattern', 'format', 'multipleOf', 'uniqueItems', 'contentEncoding']) {
    const [was, is] = [member(old, name), member(now, name)];
    if (was.value === is.value) continue;
    if (was.value === undefined || was.value === false) {
      tell(comparison, direction, 'form', 'narrowed', is, `${name} must be ${show(is.value)} now`);
    } else if (is.value === undefined || is.value === false) {
      tell(
        comparison,
        direction,
        'form',
        'widened',
        was,
        `${name} need not be ${show(was.value)} any more`,
      );
    } else {
      comparison.add(
        'risky',
        'form-changed',
        is,
        `${name} was ${show(was.value)} and is ${show(is.value)}`,
      );
    }
  }
}
