/**
 * Tokens of the signed double-submit pattern (OWASP, Cross-Site Request Forgery Prevention): a
 * random value and its HMAC, bound to the session, so that a token that somebody plants by a
 * cookie of his own is worth nothing.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const RANDOM_BYTES = 16;

/** Makes and checks tokens. The first secret signs; all of them are accepted, so that keys can be changed. */
export class Tokens {
  private readonly secrets: readonly string[];

  constructor(secrets: readonly string[]) {
    this.secrets = secrets;
  }

  make(session: string): string {
    const random = randomBytes(RANDOM_BYTES).toString('base64url');
    return `${random}.${sign(this.secrets[0]!, session, random)}`;
  }

  /** Whether it was made here, for this session. */
  isValid(token: string, session: string): boolean {
    const random = token.split('.', 1)[0]!;
    return this.secrets.some((secret) =>
      equal(token, `${random}.${sign(secret, session, random)}`),
    );
  }

  /** Whether it would be made the same way now: the secret has not been changed since. */
  isCurrent(token: string, session: string): boolean {
    const random = token.split('.', 1)[0]!;
    return equal(token, `${random}.${sign(this.secrets[0]!, session, random)}`);
  }
}

/** Compares without telling by its time where two texts differ. */
export function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The token as pages carry it: another text each time, so that a compressed page does not tell
 * it piece by piece (BREACH).
 */
export function mask(token: string): string {
  const bytes = Buffer.from(token);
  const pad = randomBytes(bytes.length);
  return Buffer.concat([pad, xor(bytes, pad)]).toString('base64url');
}

/** The token of a page, or of a script that has read the cookie itself. */
export function unmask(submitted: string): string {
  if (submitted.includes('.')) return submitted;
  const bytes = Buffer.from(submitted, 'base64url');
  const half = bytes.length >> 1;
  return xor(bytes.subarray(half), bytes.subarray(0, half)).toString();
}

/** Lengths stand beside the parts, so that no two pairs of them read alike. */
function sign(secret: string, session: string, random: string): string {
  return createHmac('sha256', secret)
    .update(`${session.length}!${session}!${random.length}!${random}`)
    .digest('base64url');
}

function xor(bytes: Uint8Array, pad: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ (pad[at] ?? 0)));
}
