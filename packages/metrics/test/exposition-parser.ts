/**
 * Reads the two text formats as strictly as a scraper may: who writes something that is not
 * allowed is told. After the text format 0.0.4 and OpenMetrics 1.0.
 */

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
    readonly timestamp: number;
  };
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string | undefined;
  readonly samples: ParsedSample[];
}

const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/** Families by name. @throws Error for whatever the format forbids */
export function parse(
  text: string,
  format: 'prometheus' | 'openmetrics',
): Map<string, ParsedFamily> {
  const isOpen = format === 'openmetrics';
  const families = new Map<string, ParsedFamily>();
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const lines = text.slice(0, -1).split('\n');
  if (isOpen && lines.pop() !== '# EOF') throw new Error('there is no end mark');
  let head: { name: string; type?: string; help?: string; unit?: string } | undefined;
  let family: ParsedFamily | undefined;
  const seen = new Set<string>();
  for (const line of lines) {
    const meta = /^# (HELP|TYPE|UNIT) (\S+) ?([^\n]*)$/.exec(line);
    if (meta !== null) {
      const [, what, name, rest] = meta as unknown as [
        string,
        'HELP' | 'TYPE' | 'UNIT',
        string,
        string,
      ];
      if (what === 'UNIT' && !isOpen) throw new Error(`units are OpenMetrics': ${line}`);
      if (head?.name !== name || family !== undefined) head = { name };
      family = undefined;
      const key = what.toLowerCase() as 'help' | 'type' | 'unit';
      if (head[key] !== undefined) throw new Error(`twice: ${line}`);
      if (what === 'HELP' && /\\(?![\\n"])/.test(rest)) throw new Error(`not escaped: ${line}`);
      if (what === 'HELP' && isOpen && /(?<!\\)(?:\\\\)*"/.test(rest))
        throw new Error(`not escaped: ${line}`);
      head[key] = rest;
      continue;
    }
    if (line.startsWith('#')) throw new Error(`no such comment: ${line}`);
    if (head?.type === undefined || head.help === undefined)
      throw new Error(`without a head: ${line}`);
    if (family === undefined) {
      if (families.has(head.name)) throw new Error(`not in one piece: ${head.name}`);
      if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(head.name)) throw new Error(`no name: ${head.name}`);
      if (head.unit !== undefined && !head.name.endsWith(`_${head.unit}`))
        throw new Error(`unit not in the name: ${head.name}`);
      family = { name: head.name, type: head.type, help: head.help, unit: head.unit, samples: [] };
      families.set(head.name, family);
    }
    const sample = parseSample(line, isOpen);
    const endings =
      ENDINGS[family.type] ?? (isOpen && family.type === 'counter' ? ['_total'] : ['']);
    if (!endings.some((ending) => sample.name === family!.name + ending))
      throw new Error(`not of ${family.name}: ${line}`);
    const key = `${sample.name} ${keyOf(sample.labels)}`;
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    if (sample.exemplar !== undefined && !sample.name.endsWith('_bucket'))
      throw new Error(`no place for an exemplar: ${line}`);
    family.samples.push(sample);
  }
  for (const one of families.values()) if (one.type === 'histogram') checkHistogram(one);
  return families;
}

function parseSample(line: string, isOpen: boolean): ParsedSample {
  const cursor = { line, at: 0 };
  const name = take(cursor, /[a-zA-Z_:][a-zA-Z0-9_:]*/y);
  const labels = line[cursor.at] === '{' ? parseLabels(cursor) : {};
  take(cursor, / /y);
  const value = numberOf(take(cursor, /[^ ]+/y));
  if (cursor.at === line.length) return { name, labels, value };
  if (!isOpen) throw new Error(`more than a value: ${line}`);
  take(cursor, / # /y);
  const exemplar = parseLabels(cursor);
  const letters = Object.entries(exemplar).flat().join('').length;
  if (letters > 128) throw new Error(`an exemplar of ${letters} characters: ${line}`);
  take(cursor, / /y);
  const exemplarValue = numberOf(take(cursor, /[^ ]+/y));
  take(cursor, / /y);
  const timestamp = numberOf(take(cursor, /[^ ]+/y));
  if (cursor.at !== line.length) throw new Error(`more than an exemplar: ${line}`);
  return { name, labels, value, exemplar: { labels: exemplar, value: exemplarValue, timestamp } };
}

function parseLabels(cursor: { line: string; at: number }): Record<string, string> {
  const labels: Record<string, string> = {};
  take(cursor, /\{/y);
  while (cursor.line[cursor.at] !== '}') {
    if (Object.keys(labels).length > 0) take(cursor, /,/y);
    const name = take(cursor, /[a-zA-Z_][a-zA-Z0-9_]*/y);
    take(cursor, /="/y);
    const text = take(cursor, /(?:[^"\\]|\\[\\"n])*/y);
    take(cursor, /"/y);
    if (name in labels) throw new Error(`label twice: ${cursor.line}`);
    labels[name] = text.replaceAll(/\\(.)/g, (_, letter: string) =>
      letter === 'n' ? '\n' : letter,
    );
  }
  take(cursor, /\}/y);
  return labels;
}

function take(cursor: { readonly line: string; at: number }, pattern: RegExp): string {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.line)?.[0];
  if (found === undefined) throw new Error(`expected ${pattern} at ${cursor.at}: ${cursor.line}`);
  cursor.at += found.length;
  return found;
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(text)) throw new Error(`no number: ${text}`);
  return Number(text);
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).toSorted((one, other) => (one < other ? -1 : 1));
  return JSON.stringify(names.map((name) => [name, labels[name]]));
}

/** Buckets ascend, end in +Inf, never fall, and agree with the count. */
function checkHistogram({ name, samples }: ParsedFamily): void {
  const series = new Map<
    string,
    { ends: number[]; counts: number[]; count?: number; sum?: number }
  >();
  for (const { name: full, labels, value, exemplar } of samples) {
    const { le, ...others } = labels;
    const key = keyOf(others);
    const one = series.get(key) ?? { ends: [], counts: [] };
    series.set(key, one);
    if (full.endsWith('_bucket')) {
      if (le === undefined) throw new Error(`a bucket without an end: ${name}`);
      one.ends.push(numberOf(le));
      one.counts.push(value);
      if (exemplar !== undefined && exemplar.value > numberOf(le))
        throw new Error(`exemplar out of its bucket: ${name}`);
    } else if (full.endsWith('_sum')) one.sum = value;
    else one.count = value;
  }
  for (const { ends, counts, count, sum } of series.values()) {
    const ascend = (list: readonly number[]) =>
      list.every((one, at) => at === 0 || one >= list[at - 1]!);
    if (!ascend(ends) || !ascend(counts)) throw new Error(`buckets do not ascend: ${name}`);
    if (ends.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`no last bucket: ${name}`);
    if (counts.at(-1) !== count || sum === undefined)
      throw new Error(`the count is another: ${name}`);
  }
}
