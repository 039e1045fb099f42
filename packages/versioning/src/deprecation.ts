/**
 * The end of a version, announced: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and links. The
 * headers are made once; behaviour does not change before the sunset, but for brownouts, in
 * which the version is away on purpose, so that those who did not read notice in time.
 */
import { OptionError, ProblemError } from '@org/core';

/** A time in which a deprecated version is refused on purpose. */
export interface Brownout {
  /** ISO 8601 with a zone, or a Date. */
  readonly from: string | Date;
  readonly until: string | Date;
}

/** How a version comes to its end. Times are ISO 8601 with a zone, or Dates. */
export interface Deprecation {
  /** Since when, or from when on, it is deprecated. */
  readonly deprecatedAt: string | Date;
  /** When it goes away; not before `deprecatedAt`. */
  readonly sunsetAt?: string | Date;
  /** Where that is explained. */
  readonly link?: string;
  /** The address of what takes its place. */
  readonly successor?: string;
  /** When it is away before that, to be noticed; not before `deprecatedAt`. @default [] */
  readonly brownouts?: readonly Brownout[];
}

/** A deprecation, ready for requests. */
export interface Ending {
  readonly deprecatedAt: number;
  readonly sunsetAt: number | undefined;
  /** Names and values in turn; `Link` is a list that others may add to. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly links: readonly string[];
  readonly brownouts: readonly { readonly fromAt: number; readonly untilAt: number }[];
}

const MEMBERS: ReadonlySet<string> = new Set([
  'deprecatedAt',
  'sunsetAt',
  'link',
  'successor',
  'brownouts',
]);

/** @throws OptionError for times that are none, or in the wrong order */
export function endingOf(version: string, given: Deprecation): Ending {
  const owner = `versioning: deprecated["${version}"]`;
  const unknown = Object.keys(given).filter((name) => !MEMBERS.has(name));
  if (unknown.length > 0) {
    throw new OptionError(owner, [
      `has ${unknown.join(', ')}, which is unknown; there are ${[...MEMBERS].join(', ')}.`,
    ]);
  }
  const deprecatedAt = timeOf(owner, 'deprecatedAt', given.deprecatedAt);
  const sunsetAt =
    given.sunsetAt === undefined ? undefined : timeOf(owner, 'sunsetAt', given.sunsetAt);
  if (sunsetAt !== undefined && sunsetAt < deprecatedAt) {
    // RFC 9745 §4.
    throw new OptionError(owner, ['"sunsetAt" must not be before "deprecatedAt".']);
  }
  const brownouts = (given.brownouts ?? []).map(({ from, until }, at) => {
    const fromAt = timeOf(owner, `brownouts[${at}].from`, from);
    const untilAt = timeOf(owner, `brownouts[${at}].until`, until);
    if (untilAt <= fromAt) {
      throw new OptionError(owner, [`"brownouts[${at}].until" must be after its "from".`]);
    }
    if (fromAt < deprecatedAt) {
      // RFC 9745 §1: behaviour does not change by itself; who is not told must not be refused.
      throw new OptionError(owner, [`"brownouts[${at}].from" must not be before "deprecatedAt".`]);
    }
    return { fromAt, untilAt };
  });
  return {
    deprecatedAt,
    sunsetAt,
    brownouts,
    headers: [
      // RFC 9745 §2.1: a Date of Structured Fields, in seconds.
      ['Deprecation', `@${Math.floor(deprecatedAt / 1000)}`],
      // RFC 8594 §3: an HTTP-date.
      ...(sunsetAt === undefined ? [] : [['Sunset', new Date(sunsetAt).toUTCString()] as const]),
    ],
    links: [
      ...linkOf(owner, 'link', given.link, 'deprecation'),
      ...(sunsetAt === undefined ? [] : linkOf(owner, 'link', given.link, 'sunset')),
      ...linkOf(owner, 'successor', given.successor, 'successor-version'),
    ],
  };
}

/** Why a version that ends is refused now; nothing while it is served. */
export function refusalOf(
  version: string,
  latest: string,
  { brownouts, sunsetAt }: Ending,
  nowAt: number,
  goneAfterSunset: boolean,
): ProblemError | undefined {
  if (goneAfterSunset && sunsetAt !== undefined && nowAt >= sunsetAt) {
    return new ProblemError({
      code: 'ERR_VERSION_GONE',
      status: 410,
      detail: `Version ${version} has ended. The newest is ${latest}.`,
      extensions: { version, latest },
    });
  }
  for (const { fromAt, untilAt } of brownouts) {
    if (nowAt < fromAt || nowAt >= untilAt) continue;
    return new ProblemError({
      code: 'ERR_VERSION_BROWNOUT',
      status: 503,
      detail: `Version ${version} will end, and is away for a while on purpose. The newest is ${latest}.`,
      expose: true,
      headers: { 'Retry-After': String(Math.ceil((untilAt - nowAt) / 1000)) },
      extensions: { version, latest },
    });
  }
  return undefined;
}

/** A zone is not optional: what a time without one means depends on the machine. */
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

function timeOf(owner: string, name: string, given: unknown): number {
  const isText = typeof given === 'string' && ISO.test(given);
  const at = isText || given instanceof Date ? new Date(given).getTime() : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new OptionError(owner, [
    `"${name}" must be a Date, or a time such as "2026-11-01T00:00:00Z", but is ${JSON.stringify(given)}.`,
  ]);
}

function linkOf(
  owner: string,
  name: string,
  address: string | undefined,
  relation: string,
): readonly string[] {
  if (address === undefined) return [];
  // RFC 8288 §3: a URI reference between angle brackets.
  if (!/^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/.test(address)) {
    throw new OptionError(owner, [`"${name}" must be an address, but is "${address}".`]);
  }
  return [`<${address}>; rel="${relation}"`];
}
