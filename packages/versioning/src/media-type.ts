/** The version in a media type of `Accept`: as a parameter, or in the name of a vendor's type. */

/**
 * RFC 9110 §5.6.1, §5.6.2, §5.6.4, §12.5.1: one media range with its parameters, and the commas behind it.
 * No blank can be taken by two parts of it: who sends many of them costs no more than their length.
 */
const TOKEN = String.raw`[\w!#$%&'*+.^\`|~-]+`;
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`;
const RANGE = String.raw`[\t ,]*(${TOKEN}/${TOKEN})[\t ]*((?:;[\t ]*(?:${TOKEN}=(?:${TOKEN}|${QUOTED})[\t ]*)?)*)(?:,[\t ,]*|$)`;
const PARAMETER = new RegExp(String.raw`;[\t ]*(${TOKEN})=(?:(${TOKEN})|(${QUOTED}))`, 'g');
/** RFC 9110 §12.4.2. */
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** Longer values are not read: nobody has that many wishes. */
const MAX_LENGTH = 2048;

/** Reads the version out of `Accept`. */
export type ReadAccept = (accept: string | undefined) => string | undefined;

/**
 * Prepares the reading. Of several ranges with a version the one with the greatest weight counts;
 * what those of the same weight say is told with commas between. Nothing where none of them has
 * a version, or where the value is no list of media ranges.
 */
export function acceptReader(parameter: string, vendor: string | undefined): ReadAccept {
  // By far the most say nothing of versions. Names are compared without case (RFC 9110 §5.6.6, §8.3.1).
  const worthReading = new RegExp(
    [
      `\\b${escaped(parameter)}=`,
      ...(vendor === undefined ? [] : [`vnd\\.${escaped(vendor)}\\.`]),
    ].join('|'),
    'i',
  );
  const next = new RegExp(RANGE, 'y');
  return (accept) => {
    if (accept === undefined || accept.length > MAX_LENGTH || !worthReading.test(accept)) {
      return undefined;
    }
    let found = new Set<string>();
    // A weight of 0 says what is not wanted.
    let greatest = 0;
    next.lastIndex = 0;
    while (next.lastIndex < accept.length) {
      const range = next.exec(accept);
      if (range === null) return undefined;
      const wish = wishOf(range[1]!, range[2]!, parameter, vendor);
      if (wish === undefined) return undefined;
      if (wish.versions.length === 0 || wish.weight < greatest || wish.weight === 0) continue;
      if (wish.weight > greatest) found = new Set();
      greatest = wish.weight;
      for (const version of wish.versions) found.add(version);
    }
    return found.size === 0 ? undefined : [...found].join(', ');
  };
}

interface Wish {
  readonly versions: readonly string[];
  readonly weight: number;
}

/** What one range says; nothing where its weight is none. */
function wishOf(
  type: string,
  parameters: string,
  parameter: string,
  vendor: string | undefined,
): Wish | undefined {
  const versions: string[] = [];
  let weight = 1;
  const named = vendor === undefined ? undefined : versionOfVendor(type, vendor);
  if (named !== undefined) versions.push(named);
  for (const [, name = '', token, quoted] of parameters.matchAll(PARAMETER)) {
    const value = token ?? quoted!.slice(1, -1).replaceAll(/\\(.)/g, '$1');
    if (name.toLowerCase() === parameter) {
      versions.push(value);
    } else if (name.toLowerCase() === 'q') {
      if (!WEIGHT.test(value)) return undefined;
      weight = Number(value);
    }
  }
  return { versions, weight };
}

/** `application/vnd.acme.v2+json` of the vendor `acme`. */
function versionOfVendor(type: string, vendor: string): string | undefined {
  const lower = type.toLowerCase();
  const begin = `application/vnd.${vendor}.`;
  if (!lower.startsWith(begin)) return undefined;
  return /^v?(\d[\d-]*)(?:\+[\w.-]+)?$/.exec(lower.slice(begin.length))?.[1];
}

function escaped(name: string): string {
  return name.replaceAll(/[.-]/g, '\\$&');
}
