/** Settings of one's own: rows beside those of the house, checked where they are written. */
import { OptionError } from '@org/core';

import { expectation, parseValue } from './parse-value.ts';
import type { Setting, Settings } from './setting.ts';

/**
 * Settings for `loadConfig({ settings })`; the types of the values follow from the rows.
 * @throws OptionError for a name that no environment takes, or a default that its own row refuses
 */
export function defineSettings<const T extends Settings>(settings: T): Readonly<T> {
  const problems = Object.entries(settings as Settings).flatMap(([name, setting]) => [
    ...nameProblems(name),
    ...defaultProblems(name, setting),
  ]);
  if (problems.length > 0) throw new OptionError('defineSettings', problems);
  return Object.freeze({ ...settings });
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
