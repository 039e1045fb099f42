/**
 * A request with an `Idempotency-Key`, read: whose it is and what it asks for. Keys of
 * different callers, methods or paths never meet. The path of the URL stands for the route:
 * ahead of the router the pattern is not known yet, and `/accounts/1/transfers` is another
 * target than `/accounts/2/transfers` in any case.
 */
import { createHash } from 'node:crypto';
import {
  boolean,
  type Check,
  type Checks,
  CREDENTIAL_DEFAULTS,
  type CredentialOptions,
  Credentials,
  either,
  type Exchange,
  func,
  listOf,
  type Partition,
  partitionCheck,
  text,
} from '@org/core';
import type { Request } from 'express';

import { type BodyFingerprint, fingerprintOf } from './fingerprint.ts';
import { parseIdempotencyKey } from './idempotency-key.ts';
import { keyRequired } from './idempotency-problems.ts';

/** Whether a request must bring a key. */
export type Required = boolean | ((req: Request) => boolean);

/** How requests with a key are told apart; the same in every mode. */
export interface KeyRules extends CredentialOptions {
  /** Whether a request without a key is refused with 400. @default false */
  readonly required: Required;
  /** Whose keys are apart: `credentials` and `principal` both go by `exchange.principal` where it is set, and else by what a request carries. @default "credentials" */
  readonly partition: Partition;
  /** Names what a body says, in place of the rules for parsed bodies. @default RFC 8785 of `req.body` */
  readonly fingerprint: BodyFingerprint | undefined;
}

/** Keys are apart by what requests carry: ahead of a route, nobody is authenticated yet. */
export const KEY_RULE_DEFAULTS: Readonly<KeyRules> = Object.freeze<KeyRules>({
  required: false,
  partition: 'credentials',
  ...CREDENTIAL_DEFAULTS,
  fingerprint: undefined,
});

const names = listOf(text({ expected: 'a name', pattern: /^.+$/ }));

/** The option checks for `Required`. */
export const requiredCheck: Check<Required> = either(boolean(), func<(req: Request) => boolean>());

export const KEY_RULE_CHECKS: Checks<KeyRules> = Object.freeze<Checks<KeyRules>>({
  required: requiredCheck,
  partition: partitionCheck,
  credentialHeaders: names,
  harmlessCookies: names,
  fingerprint: func<BodyFingerprint>(),
});

/** A request with a key, as records know it. */
export interface KeyedRequest {
  /** Of method, path, caller and key: hashed, so that stores and logs hold no secret and no endless key. */
  readonly id: string;
  readonly fingerprint: string;
}

/** Reads the key of requests. */
export class KeyReader {
  private readonly rules: KeyRules;
  private readonly credentials: Credentials;

  constructor(rules: KeyRules) {
    this.rules = rules;
    this.credentials = new Credentials(rules);
  }

  /**
   * The key of a request, checked; absent where it has none and needs none.
   * @throws ProblemError 400: it is missing where it is required, or has no legal form
   */
  keyOf({ req }: Exchange, required: Required = this.rules.required): string | undefined {
    const field = req.headers['idempotency-key'];
    // Node joins the lines of a field that comes twice, which no key survives.
    if (typeof field === 'string') return parseIdempotencyKey(field);
    if (typeof required === 'function' ? required(req) : required) throw keyRequired();
    return undefined;
  }

  /** Who asks for what. @throws ProblemError 400, 415: the body cannot be compared */
  read(exchange: Exchange, key: string): KeyedRequest {
    return {
      id: this.idOf(exchange, key),
      fingerprint: fingerprintOf(exchange, this.rules.fingerprint),
    };
  }

  /** The record's id for a key of this request's caller, method and path. */
  idOf(exchange: Exchange, key: string): string {
    const { method, originalUrl } = exchange.req;
    const end = originalUrl.indexOf('?');
    const path = end === -1 ? originalUrl : originalUrl.slice(0, end);
    return createHash('sha256')
      .update(JSON.stringify([method, path, this.callerOf(exchange), key]))
      .digest('base64url');
  }

  /** Who was authenticated already is known better than by what the request carries; one who was not is not everybody. */
  private callerOf(exchange: Exchange): string {
    const { partition } = this.rules;
    const way =
      partition !== 'credentials' && partition !== 'principal'
        ? partition
        : exchange.peekPrincipal() === undefined
          ? 'credentials'
          : 'principal';
    const part = this.credentials.partOf(exchange, way);
    return part === undefined ? 'everybody' : `${typeof way === 'string' ? way : 'own'}:${part}`;
  }
}
