/**
 * One value for each setting, out of all layers: the strongest that says something
 * wins. What is wrong is collected, in weaker layers too: a mistake that is only
 * hidden by a stronger layer comes back when that layer goes.
 */
import type { ConfigProblem } from './config-error.ts';
import { showRefused } from './mask.ts';
import { meantName, nearMiss } from './near-name.ts';
import { parseValue, unitOf } from './parse-value.ts';
import type { Setting, Settings } from './setting.ts';
import { type Layer, type Origin, originText } from './sources.ts';
import { unitSlip } from './unit-slip.ts';
import type { ConfigWarning } from './warnings.ts';

/** Values, and where each came from. */
export interface Resolved {
  readonly values: Readonly<Record<string, unknown>>;
  readonly origins: ReadonlyMap<string, Origin>;
}

const DEFAULT_ORIGIN: Origin = Object.freeze({ layer: 'default' });

/** Resolves `layers`, weakest first; adds to `problems` and `warnings`. */
export function resolveValues(
  settings: Settings,
  layers: readonly Layer[],
  ignore: ReadonlySet<string>,
  problems: ConfigProblem[],
  warnings: ConfigWarning[],
): Resolved {
  const values: Record<string, unknown> = {};
  const origins = new Map<string, Origin>();
  for (const [name, setting] of Object.entries(settings)) {
    values[name] = setting.default;
    origins.set(name, DEFAULT_ORIGIN);
  }
  for (const { origin, values: given } of layers) {
    for (const [name, value] of Object.entries(given)) {
      if (!Object.hasOwn(settings, name)) {
        if (!ignore.has(name)) noteUnknown(name, origin, settings, problems, warnings);
        continue;
      }
      if (isUnset(value)) continue;
      const setting = settings[name]!;
      const parsed = parseValue(setting, value);
      if ('value' in parsed) {
        values[name] = parsed.value;
        origins.set(name, origin);
        const slip = unitSlip(name, setting, parsed.value, originText(origin));
        if (slip !== undefined) warnings.push(slip);
      } else {
        problems.push(valueProblem(name, setting, value, origin, parsed.expected, parsed.hint));
      }
    }
  }
  for (const [name, setting] of Object.entries(settings)) {
    const problem = excess(name, setting, values, origins);
    if (problem !== undefined) problems.push(problem);
  }
  return { values: Object.freeze(values), origins };
}

/** A value above that of the setting that bounds it. */
function excess(
  name: string,
  setting: Setting,
  values: Readonly<Record<string, unknown>>,
  origins: ReadonlyMap<string, Origin>,
): ConfigProblem | undefined {
  const bound = 'atMost' in setting ? setting.atMost : undefined;
  if (bound === undefined) return undefined;
  const [value, most] = [values[name], values[bound]];
  if (typeof value !== 'number' || typeof most !== 'number' || value <= most) return undefined;
  const source = originText(origins.get(name)!);
  const expected = `at most ${bound}, which is ${most}`;
  return {
    name,
    value: String(value),
    source,
    expected,
    message: `${name} (${source}) must be ${expected}, but is ${value}. Set ${bound} to ${value} or more.`,
  };
}

/** `NAME=` in an environment is how one takes a value away. */
function isUnset(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && value.trim() === '');
}

function valueProblem(
  name: string,
  setting: Setting,
  value: unknown,
  origin: Origin,
  expected: string,
  hint: string | undefined,
): ConfigProblem {
  const source = originText(origin);
  const shown = showRefused(setting, value);
  const help = hint === undefined || setting.secret === true ? '' : ` ${hint}`;
  return {
    name,
    value: shown,
    source,
    expected,
    message: `${name} (${source}) must be ${expected}, but is ${shown}.${help}`,
  };
}

/** A file and code are ours alone: what is unknown there is a mistake. `.env` and the environment are shared. */
function noteUnknown(
  name: string,
  origin: Origin,
  settings: Settings,
  problems: ConfigProblem[],
  warnings: ConfigWarning[],
): void {
  const names = Object.keys(settings);
  const source = originText(origin);
  if (origin.layer === 'file' || origin.layer === 'code') {
    if (origin.layer === 'file' && name === '$schema') return;
    const suggestion = meantName(name, names);
    const question =
      suggestion === undefined
        ? 'Declare settings of your own with defineSettings().'
        : `Did you mean ${suggestion}?`;
    problems.push({
      name,
      source,
      ...(suggestion === undefined ? {} : { suggestion }),
      message: `${name} (${source}) is no setting. ${question}`,
    });
    return;
  }
  const suggestion = nearMiss(name, names);
  if (suggestion === undefined) return;
  const unit = unitOf(settings[suggestion]!);
  const meant = unit === undefined ? suggestion : `${suggestion}, which is in ${unit}`;
  warnings.push({
    code: 'near-miss',
    names: [name, suggestion],
    message: `${name} (${source}) is no setting, and has no effect. Did you mean ${meant}? If it is another program's, say so with ignore: ["${name}"].`,
  });
}
