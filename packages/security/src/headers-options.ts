/** The options of the security headers, the presets, and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  either,
  type Given,
  listOf,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  shape,
  text,
} from '@org/core';
import type { HelmetOptions } from 'helmet';

/** Which headers every answer carries. */
export interface HeadersOptions {
  /**
   * What the answers are. `api`: data, in which nothing may run, be framed or be taken for another
   * type. `site`: pages, with helmet's own defaults.
   * @default "api"
   */
  readonly preset: 'api' | 'site';
  /** Helmet's options, each in place of the preset's. @default {} */
  readonly helmet: HelmetOptions;
  /**
   * Offers `res.locals.cspNonce`, which allows what carries it. `true` stands for `script-src`
   * alone: in `style-src` a nonce also forbids every style attribute.
   * @default false
   */
  readonly nonce: boolean | readonly string[];
  /** Where browsers send reports: URLs by name, for `Reporting-Endpoints` (Reporting API §3.3). @default {} */
  readonly reportingEndpoints: Readonly<Record<string, string>>;
  /** Which of the endpoints hears of violations of the policy (CSP 3 §6.5.2). @default the first */
  readonly reportTo: string | undefined;
}

export const HEADERS_DEFAULTS: Readonly<HeadersOptions> = Object.freeze<HeadersOptions>({
  preset: 'api',
  helmet: Object.freeze({}),
  nonce: false,
  reportingEndpoints: Object.freeze({}),
  reportTo: undefined,
});

/** What OWASP asks of answers that are no pages; headers that only concern pages are left out. */
const API: HelmetOptions = Object.freeze<HelmetOptions>({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
  },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: { action: 'deny' },
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

export const PRESETS: Readonly<Record<HeadersOptions['preset'], HelmetOptions>> = Object.freeze({
  api: API,
  site: Object.freeze({}),
});

const DIRECTIVE: Check<string> = text({
  expected: 'the name of a fetch directive, such as "script-src"',
  pattern: /^[a-z]+(?:-[a-z]+)*$/,
});

/** Fetch §2.2: browsers drop reports to anything that is not trustworthy. */
const ENDPOINT: Check<string> = text({
  expected: 'an https URL, or a path of this site',
  pattern: /^(?:https:\/\/|\/(?!\/))[\x21-\x7E]*$/,
});

const CHECKS: Checks<HeadersOptions> = {
  preset: oneOf('api', 'site'),
  helmet: shape<HelmetOptions>("helmet's options", []),
  nonce: either(boolean(), listOf(DIRECTIVE)),
  reportingEndpoints: recordOf(ENDPOINT),
  reportTo: text(),
};

/** @throws OptionError for unknown or wrong options */
export function resolveHeadersOptions(
  options: Given<HeadersOptions> | undefined,
): Readonly<HeadersOptions> {
  const settings = resolveOptions('security:headers', HEADERS_DEFAULTS, CHECKS, options);
  const { reportTo, reportingEndpoints, nonce, helmet } = settings;
  const problems: string[] = [];
  const names = Object.keys(reportingEndpoints);
  // RFC 9651 §3.1.2: keys of a dictionary.
  for (const name of names.filter((one) => !/^[a-z*][a-z0-9_.*-]*$/.test(one))) {
    problems.push(
      `option "reportingEndpoints" names "${name}", which must be of small letters, digits and _-.*, beginning with a letter.`,
    );
  }
  if (reportTo !== undefined && !names.includes(reportTo)) {
    problems.push(
      `option "reportTo" must be one of reportingEndpoints, which are ${names.join(', ') || 'none'}, but is "${reportTo}".`,
    );
  }
  if (nonce !== false && helmet.contentSecurityPolicy === false) {
    problems.push(
      'option "nonce" needs a policy to stand in: leave out "helmet.contentSecurityPolicy: false".',
    );
  }
  if (problems.length > 0) throw new OptionError('security:headers', problems);
  return settings;
}
