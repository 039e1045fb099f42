/** The version in a media type of `Accept`: as a parameter, or in the name of a vendor's type. */

/** RFC 9110 §5.6.2, §5.6.4, §12.5.1: one media range with its parameters, and the comma behind it. */
const TOKEN = String.raw`[\w!#$%&'*+.^\`|~-]+`;
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`;
const RANGE = new RegExp(
  String.raw`[\t ,]*(${TOKEN}/${TOKEN})((?:[\t ]*;[\t ]*(?:${TOKEN}=(?:${TOKEN}|${QUOTED}))?)*)[\t ]*(?:,|$)`,
  'y',
);
const PARAMETER = new RegExp(String.raw`;[\t ]*(${TOKEN})=(?:(${TOKEN})|(${QUOTED}))`, 'g');

/** Longer values are not read: nobody has that many wishes. */
const MAX_LENGTH = 2048;

/**
 * What the media types say, those that several ranges name with commas between; nothing where
 * none of them has a version, or where the value is no list of media ranges.
 */
export function versionInAccept(
  accept: string | undefined,
  parameter: string,
  vendor: string | undefined,
): string | undefined {
  if (accept === undefined || accept.length > MAX_LENGTH) return undefined;
  // By far the most say nothing of versions.
  if (!accept.includes(parameter) && (vendor === undefined || !accept.includes(vendor))) {
    return undefined;
  }
  const found = new Set<string>();
  RANGE.lastIndex = 0;
  while (RANGE.lastIndex < accept.length) {
    const range = RANGE.exec(accept);
    if (range === null) return undefined;
    const [, type = '', parameters = ''] = range;
    const named = vendor === undefined ? undefined : versionOfVendor(type, vendor);
    if (named !== undefined) found.add(named);
    for (const [, name = '', token, quoted] of parameters.matchAll(PARAMETER)) {
      if (name.toLowerCase() !== parameter) continue;
      found.add(token ?? quoted!.slice(1, -1).replaceAll(/\\(.)/g, '$1'));
    }
  }
  return found.size === 0 ? undefined : [...found].join(', ');
}

/** `application/vnd.acme.v2+json` of the vendor `acme`. */
function versionOfVendor(type: string, vendor: string): string | undefined {
  const lower = type.toLowerCase();
  const begin = `application/vnd.${vendor}.`;
  if (!lower.startsWith(begin)) return undefined;
  return /^v?(\d[\d-]*)(?:\+[\w.-]+)?$/.exec(lower.slice(begin.length))?.[1];
}
