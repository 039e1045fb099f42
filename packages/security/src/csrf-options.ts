/** The options of the protection against cross-site requests, and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  either,
  func,
  type Given,
  listOf,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  text,
} from '@org/core';
import type { Request } from 'express';

import type { SecurityEvent } from './events.ts';
import { MODE } from './reputation-options.ts';

/** Tokens, for those who want more than the browser's own word. */
export interface CsrfTokenOptions {
  /** Signs tokens; of a list the first does, and the others are still accepted. At least 32 characters each. */
  readonly secret: string | readonly string[];
  /** The session that a token belongs to, such as the value of its cookie; nothing where there is none yet. */
  readonly sessionOf: (req: Request) => string | undefined;
  /**
   * When a token is needed. `always`: for every request that is checked. `unknown`: where the
   * request does not tell which site it is from.
   * @default "always"
   */
  readonly required: 'always' | 'unknown';
  /** Name of the cookie. @default "__Host-csrf" */
  readonly cookie: string;
  /** @default "lax" */
  readonly sameSite: 'strict' | 'lax' | 'none';
  /** Whether scripts cannot read the cookie. @default true */
  readonly httpOnly: boolean;
  /** The token that a request brings. @default the header X-CSRF-Token, or the field _csrf of a parsed body */
  readonly tokenOf: (req: Request) => unknown;
}

export interface CsrfOptions {
  /** `enforce` refuses; `detect` counts and tells what would have been refused. @default "enforce" */
  readonly mode: 'enforce' | 'detect';
  /**
   * Which unsafe requests are checked. `credentials`: those with a cookie, a client certificate,
   * or an `Authorization` that browsers repeat by themselves. `always`: all, logins included.
   * @default "credentials"
   */
  readonly check: 'credentials' | 'always';
  /** Origins besides our own that may send, such as `https://app.example.com`. @default [] */
  readonly trustedOrigins: readonly string[];
  /** What becomes of a request that tells nothing of where it is from: no browser since 2020 sends one. @default "pass" */
  readonly unknown: 'pass' | 'refuse';
  /** Cookies that identify nobody; `_ga*` is a prefix. @default [] */
  readonly harmlessCookies: readonly string[];
  /** Addresses by Express' path patterns that are not checked (`false`), such as those of webhooks. @default {} */
  readonly routes: Readonly<Record<string, boolean>>;
  /** Signed tokens besides. @default none */
  readonly token: Given<CsrfTokenOptions> | undefined;
  /** Hand refusals to the error handlers, rather than answer them at once. @default false */
  readonly throwRefusals: boolean;
  /** Hears of refusals. What it throws is reported. @default none */
  readonly onEvent: ((event: SecurityEvent) => unknown) | undefined;
}

export const CSRF_DEFAULTS: Readonly<CsrfOptions> = Object.freeze<CsrfOptions>({
  mode: 'enforce',
  check: 'credentials',
  trustedOrigins: Object.freeze([]),
  unknown: 'pass',
  harmlessCookies: Object.freeze([]),
  routes: Object.freeze({}),
  token: undefined,
  throwRefusals: false,
  onEvent: undefined,
});

/** What stands for options that the caller has to give. */
const ABSENT = Symbol('absent');

const TOKEN_DEFAULTS = Object.freeze({
  secret: ABSENT as unknown as string,
  sessionOf: ABSENT as unknown as CsrfTokenOptions['sessionOf'],
  required: 'always',
  cookie: '__Host-csrf',
  sameSite: 'lax',
  httpOnly: true,
  tokenOf: submittedToken,
} satisfies CsrfTokenOptions) as Readonly<CsrfTokenOptions>;

/** RFC 6454 §6.2: scheme, host, and a port that is not the scheme's own. */
const ORIGIN: Check<string> = {
  expected: 'an origin such as "https://app.example.com", without a path',
  accepts: (value): value is string =>
    typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value,
};

const SECRET: Check<string> = text({
  expected: 'a secret of at least 32 characters',
  pattern: /^.{32,}$/s,
});

const SECRETS: Check<readonly string[]> = {
  expected: 'a list of at least one such secret',
  accepts: (value): value is readonly string[] => listOf(SECRET).accepts(value) && value.length > 0,
};

const TOKEN_CHECKS: Checks<CsrfTokenOptions> = {
  secret: either(SECRET, SECRETS),
  sessionOf: func<CsrfTokenOptions['sessionOf']>(),
  required: oneOf('always', 'unknown'),
  cookie: text({ expected: 'the name of a cookie', pattern: /^[\w!#$%&'*+.^`|~-]+$/ }),
  sameSite: oneOf('strict', 'lax', 'none'),
  httpOnly: boolean(),
  tokenOf: func<CsrfTokenOptions['tokenOf']>(),
};

const CHECKS: Checks<CsrfOptions> = {
  mode: MODE,
  check: oneOf('credentials', 'always'),
  trustedOrigins: listOf(ORIGIN),
  unknown: oneOf('pass', 'refuse'),
  harmlessCookies: listOf(text({ expected: 'a name', pattern: /^.+$/ })),
  routes: recordOf(boolean()),
  token: {
    expected: 'an object with "secret" and "sessionOf"',
    accepts: (value): value is Given<CsrfTokenOptions> =>
      typeof value === 'object' && value !== null,
  },
  throwRefusals: boolean(),
  onEvent: func<(event: SecurityEvent) => unknown>(),
};

/** @throws OptionError for unknown or wrong options */
export function resolveCsrfOptions(
  options: Given<CsrfOptions> | undefined,
): Readonly<Omit<CsrfOptions, 'token'> & { readonly token: CsrfTokenOptions | undefined }> {
  const { token, ...settings } = resolveOptions('security:csrf', CSRF_DEFAULTS, CHECKS, options);
  return { ...settings, token: token === undefined ? undefined : resolveTokenOptions(token) };
}

function resolveTokenOptions(given: Given<CsrfTokenOptions>): CsrfTokenOptions {
  const settings = resolveOptions('security:csrf token', TOKEN_DEFAULTS, TOKEN_CHECKS, given);
  const missing = Object.entries<unknown>({ ...settings }).filter(([, value]) => value === ABSENT);
  if (missing.length > 0) {
    throw new OptionError(
      'security:csrf token',
      missing.map(([name]) => {
        const { expected } = TOKEN_CHECKS[name as keyof CsrfTokenOptions];
        return `option "${name}" is needed: ${expected}.`;
      }),
    );
  }
  return settings;
}

function submittedToken(req: Request): unknown {
  const header = req.headers['x-csrf-token'];
  if (header !== undefined) return header;
  const body: unknown = req.body;
  if (typeof body !== 'object' || body === null) return undefined;
  return (body as { readonly _csrf?: unknown })._csrf;
}
