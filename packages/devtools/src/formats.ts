/** Texts of the formats that JSON Schema names (2020-12, validation §7.3), and whether a text is one. */
import { isIPv4, isIPv6 } from 'node:net';

import { type Draw, oneAmong, wholeBetween } from './seeded.ts';

const WORDS = [
  'amber',
  'basil',
  'cedar',
  'delta',
  'ember',
  'fjord',
  'grove',
  'harbor',
  'indigo',
  'juniper',
  'kelp',
  'lagoon',
  'meadow',
  'north',
  'opal',
  'prairie',
  'quartz',
  'river',
  'summit',
  'tundra',
] as const;

export function word(draw: Draw): string {
  return oneAmong(draw, WORDS);
}

interface Format {
  make(draw: Draw): string;
  is(text: string): boolean;
}

/** Moments of made-up answers lie in this year. */
const YEAR_START = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 86_400_000;

const moment = (draw: Draw): string =>
  new Date(YEAR_START + Math.floor(draw() * (YEAR_MS / 1000)) * 1000).toISOString();
const hex = (draw: Draw, length: number): string =>
  Array.from({ length }, () => Math.floor(draw() * 16).toString(16)).join('');
const form = (pattern: RegExp) => (text: string) => pattern.test(text);
const isMoment = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text) &&
  !Number.isNaN(Date.parse(text.replace(' ', 'T')));
const HOST =
  /^(?=.{1,253}$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i;
const EMAIL = /^[\w.+-]+@[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)+$/i;

const host = (draw: Draw): string => `${word(draw)}.example.com`;
const url = (draw: Draw): string => `https://${host(draw)}/${word(draw)}`;
const email: Format = { make: (draw) => `${word(draw)}@example.com`, is: form(EMAIL) };
const uri: Format = {
  make: url,
  is: (text) => /^[a-z][a-z\d+.-]*:\S*$/i.test(text) && URL.canParse(text),
};
const reference: Format = { make: (draw) => `/${word(draw)}/${word(draw)}`, is: form(/^\S*$/) };
const hostname: Format = { make: host, is: form(HOST) };

const FORMATS: Readonly<Record<string, Format>> = Object.freeze({
  'date-time': { make: moment, is: isMoment },
  date: {
    make: (draw) => moment(draw).slice(0, 10),
    is: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  },
  time: {
    make: (draw) => moment(draw).slice(11, 19) + 'Z',
    is: form(/^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/),
  },
  duration: {
    make: (draw) => `PT${wholeBetween(draw, 1, 59)}M`,
    is: form(/^P(?=.)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)$/),
  },
  email,
  'idn-email': email,
  hostname,
  'idn-hostname': hostname,
  // RFC 5737 and RFC 3849: addresses for documents, which nobody has.
  ipv4: { make: (draw) => `192.0.2.${wholeBetween(draw, 1, 254)}`, is: isIPv4 },
  ipv6: { make: (draw) => `2001:db8::${hex(draw, 3)}1`, is: isIPv6 },
  uri,
  iri: uri,
  url: uri,
  'uri-reference': reference,
  'iri-reference': reference,
  'uri-template': { make: (draw) => `/${word(draw)}/{id}`, is: form(/^[^\s]*$/) },
  'json-pointer': {
    make: (draw) => `/${word(draw)}/${wholeBetween(draw, 0, 9)}`,
    is: form(/^(?:\/(?:[^~/]|~[01])*)*$/),
  },
  'relative-json-pointer': {
    make: (draw) => `${wholeBetween(draw, 0, 3)}/${word(draw)}`,
    is: form(/^(?:0|[1-9]\d*)(?:#|(?:\/(?:[^~/]|~[01])*)*)$/),
  },
  regex: {
    make: (draw) => `^${word(draw)}$`,
    is(text) {
      try {
        return new RegExp(text, 'u') instanceof RegExp;
      } catch {
        return false;
      }
    },
  },
  uuid: {
    make: (draw) =>
      `${hex(draw, 8)}-${hex(draw, 4)}-4${hex(draw, 3)}-${oneAmong(draw, ['8', '9', 'a', 'b'])}${hex(draw, 3)}-${hex(draw, 12)}`,
    is: form(/^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i),
  },
});

/** A text of a format; nothing for a format that is not known, which says nothing. */
export function formatText(format: unknown, draw: Draw): string | undefined {
  return typeof format === 'string' && Object.hasOwn(FORMATS, format)
    ? FORMATS[format]!.make(draw)
    : undefined;
}

export function isFormat(format: string, text: string): boolean {
  return !Object.hasOwn(FORMATS, format) || FORMATS[format]!.is(text);
}
