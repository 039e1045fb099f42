/**
 * From what somebody wrote to a value of the right type, strictly: what is nearly a
 * number is none, and a number with a unit is told in which unit to write it.
 */
import { nearest } from '@org/core';

import type { ChoiceSetting, CustomSetting, NumberSetting, Setting } from './setting.ts';

/** A value, or what it should have been. */
export type Parsed =
  | { readonly value: unknown }
  | {
      /** Completes "must be …". */
      readonly expected: string;
      /** What was meant, if it can be told; never the text of a secret. */
      readonly hint?: string;
    };

/** Parses a text of the environment, or a value of a file or of code. Not for empty text: that is no value. */
export function parseValue(setting: Setting, given: unknown): Parsed {
  const expected = expectation(setting);
  if (setting.type === 'boolean') return parseBoolean(given) ?? { expected };
  if (isNumeric(setting)) return parseNumber(setting, given, expected);
  if (setting.type === 'list' && Array.isArray(given)) {
    return given.every((one) => typeof one === 'string')
      ? { value: Object.freeze([...given]) }
      : { expected };
  }
  if (setting.type === 'custom' && (typeof given === 'number' || typeof given === 'boolean')) {
    return parseCustom(setting, String(given), expected);
  }
  if (typeof given !== 'string') return { expected };
  const written = given.trim();
  switch (setting.type) {
    case 'text':
      return setting.pattern === undefined || matches(setting.pattern, given)
        ? { value: given }
        : { expected };
    case 'url':
      return isUrl(written, setting.protocols) ? { value: written } : { expected };
    case 'choice':
      return parseChoice(setting, written, expected);
    case 'list':
      return { value: Object.freeze(splitList(written)) };
    default:
      return parseCustom(setting, written, expected);
  }
}

/** What a setting's value must be; completes "must be …". */
export function expectation(setting: Setting): string {
  switch (setting.type) {
    case 'boolean':
      return 'true or false (also 1 and 0, yes and no, on and off)';
    case 'integer':
    case 'number':
      return expectedNumber(setting);
    case 'text':
      return setting.expected ?? 'text';
    case 'url':
      return setting.protocols === undefined
        ? 'a URL'
        : `a URL that begins with ${setting.protocols.map((one) => `${one}//`).join(' or ')}`;
    case 'choice':
      return `one of ${setting.choices.join(', ')}`;
    case 'list':
      return 'words with commas between them';
    default:
      return setting.expected;
  }
}

function isNumeric(setting: Setting): setting is NumberSetting {
  return setting.type === 'integer' || setting.type === 'number';
}

const UNIT_NAMES = { s: 'seconds', ms: 'milliseconds', bytes: 'bytes' } as const;

/** The unit of a setting in words, if it is in one. */
export function unitOf(setting: Setting): string | undefined {
  return isNumeric(setting) && setting.unit !== undefined ? UNIT_NAMES[setting.unit] : undefined;
}

function expectedNumber({ type, unit, min = -Infinity, max = Infinity }: NumberSetting): string {
  const what = type === 'integer' ? 'a whole number' : 'a number';
  const of = unit === undefined ? '' : ` of ${UNIT_NAMES[unit]}`;
  const bounds = [
    ...(min === -Infinity ? [] : [`at least ${min}`]),
    ...(max === Infinity ? [] : [`at most ${max}`]),
  ].join(' and ');
  return `${what}${of}${bounds === '' ? '' : `, ${bounds}`}`;
}

const WORDS = new Map<string, boolean>([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
]);

function parseBoolean(given: unknown): Parsed | undefined {
  if (typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'boolean') {
    return undefined;
  }
  const value = WORDS.get(String(given).trim().toLowerCase());
  return value === undefined ? undefined : { value };
}

function parseNumber(setting: NumberSetting, given: unknown, expected: string): Parsed {
  if (typeof given !== 'number' && typeof given !== 'string') return { expected };
  const written = String(given).trim();
  // Only plain decimals: Number() would also take "", "0x10" and "1e3".
  const isNumber =
    typeof given === 'number' ? Number.isFinite(given) : /^-?\d+(?:\.\d+)?$/.test(written);
  if (!isNumber) return withHint(expected, unitHint(setting, written));
  const value = Number(written);
  const inRange = value >= (setting.min ?? -Infinity) && value <= (setting.max ?? Infinity);
  const isWhole = setting.type === 'number' || Number.isSafeInteger(value);
  return inRange && isWhole ? { value: Object.is(value, -0) ? 0 : value } : { expected };
}

/** How much one of a unit is in ms, or in bytes. */
const SCALES: Readonly<Record<string, { readonly time?: number; readonly size?: number }>> = {
  ms: { time: 1 },
  s: { time: 1000 },
  m: { time: 60_000 },
  h: { time: 3_600_000 },
  d: { time: 86_400_000 },
  b: { size: 1 },
  k: { size: 1024 },
  kb: { size: 1024 },
  mb: { size: 1024 ** 2 },
  gb: { size: 1024 ** 3 },
};

const ALIASES: Readonly<Record<string, string>> = {
  msec: 'ms',
  millisecond: 'ms',
  milliseconds: 'ms',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  hour: 'h',
  hours: 'h',
  day: 'd',
  days: 'd',
  byte: 'b',
  bytes: 'b',
  kib: 'kb',
  mib: 'mb',
  gib: 'gb',
};

/** For "30s": which number to write instead. */
function unitHint({ unit, type }: NumberSetting, written: string): string | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]{1,12})$/i.exec(written);
  if (unit === undefined || match === null) return undefined;
  const word = match[2]!.toLowerCase();
  const scale = SCALES[ALIASES[word] ?? word];
  const amount = unit === 'bytes' ? scale?.size : scale?.time;
  if (amount === undefined) return undefined;
  const value = (Number(match[1]) * amount) / (unit === 's' ? 1000 : 1);
  const isWritable = type === 'number' || Number.isSafeInteger(value);
  return `It is in ${UNIT_NAMES[unit]}, and takes the number alone${isWritable ? `: write ${value}` : ''}.`;
}

function parseChoice(setting: ChoiceSetting, written: string, expected: string): Parsed {
  const { choices, aliases = {} } = setting;
  const word = written.toLowerCase();
  const value = Object.hasOwn(aliases, word)
    ? aliases[word]
    : choices.find((choice) => choice.toLowerCase() === word);
  if (value !== undefined) return { value };
  const guess = nearest(written, choices);
  return withHint(expected, guess === undefined ? undefined : `Did you mean ${guess}?`);
}

function isUrl(written: string, protocols: readonly string[] | undefined): boolean {
  if (!URL.canParse(written)) return false;
  return protocols === undefined || protocols.includes(new URL(written).protocol);
}

function splitList(written: string): string[] {
  return written
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

/** A pattern with the flag `g` remembers where it was; a setting's must not. */
function matches(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(text);
}

/** A parser that throws has found no value; what it says may quote a secret, and is left out. */
function parseCustom(setting: CustomSetting, text: string, expected: string): Parsed {
  try {
    const value = setting.parse(text);
    return value === undefined ? { expected } : { value };
  } catch {
    return { expected };
  }
}

function withHint(expected: string, hint: string | undefined): Parsed {
  return hint === undefined ? { expected } : { expected, hint };
}
