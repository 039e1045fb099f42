/** Settings of one's own: rows beside those of the house, checked where they are written. */
import { OptionError } from '@org/core';

import { expectation, parseValue } from './parse-value.ts';
import type { Setting, Settings } from './setting.ts';

/**
 * Settings for `loadConfig({ settings })`; the types of the values follow from the rows.
 * @throws OptionError for a name that no environment takes, or a default that its own row refuses
 */
export function defineSettings<const T extends Settings>(settings: T): Readonly<T> {
  const problems = settingProblems(settings);
  if (problems.length > 0) throw new OptionError('defineSettings', problems);
  return Object.freeze({ ...settings });
}

/** What is wrong with rows that somebody wrote. */
export function settingProblems(settings: Settings): readonly string[] {
  return Object.entries(settings).flatMap(([name, setting]) => {
    const form = formProblems(name, setting);
    return [...nameProblems(name), ...(form.length > 0 ? form : defaultProblems(name, setting))];
  });
}

const TYPES: readonly string[] = [
  'boolean',
  'integer',
  'number',
  'text',
  'url',
  'choice',
  'list',
  'custom',
];

/** A row as somebody wrote it who has no types. */
interface Untyped {
  readonly type?: unknown;
  readonly parse?: unknown;
  readonly expected?: unknown;
  readonly choices?: unknown;
}

function formProblems(name: string, row: Untyped | null): readonly string[] {
  const { type, parse, expected, choices } = row ?? {};
  if (typeof type !== 'string' || !TYPES.includes(type)) {
    return [`the type of "${name}" must be one of ${TYPES.join(', ')}, but is ${String(type)}.`];
  }
  if (type === 'custom' && (typeof parse !== 'function' || typeof expected !== 'string')) {
    return [`"${name}" must have "parse" and "expected", because it is custom.`];
  }
  if (type === 'choice' && !Array.isArray(choices)) {
    return [`"${name}" must have "choices", because it is a choice.`];
  }
  return [];
}

function nameProblems(name: string): readonly string[] {
  if (/^[A-Z][A-Z0-9_]*$/.test(name)) return [];
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_');
  const better = words.toUpperCase().replace(/^[^A-Z]+/, '') || 'MY_SETTING';
  return [`"${name}" must be capitals, digits and "_", such as ${better}.`];
}

/** A custom row's default may be of a form that its parser does not take: it is for texts. */
function defaultProblems(name: string, setting: Setting): readonly string[] {
  if (setting.default === undefined || setting.type === 'custom') return [];
  return 'value' in parseValue(setting, setting.default)
    ? []
    : [`the default of "${name}" must be ${expectation(setting)}.`];
}
