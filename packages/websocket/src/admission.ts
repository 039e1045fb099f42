/**
 * Who is let in: the last word of the phase `protect` on an upgrade. Whatever stands before it has
 * had its say as with any request; here the handshake, the Origin, the credentials and the number
 * of connections decide, and a refusal is an answer of HTTP that logs and metrics see as one.
 */
import {
  answerProblem,
  clientNetwork,
  defineStages,
  type Exchange,
  HANDLED,
  type MaybePromise,
  ProblemError,
  report,
  type StateKey,
  stateKey,
  type StepResult,
  within,
} from '@org/core';

import type { WebsocketEvents } from './events.ts';
import { handshakeFault } from './handshake.ts';
import { hasExpired, type Identity, isIdentity } from './member.ts';
import type { WebsocketOptions } from './options.ts';
import { type OriginGuard, originGuard } from './origin.ts';
import { type Full, Seats } from './seats.ts';
import { isThenable } from './chain.ts';
import type { Totals } from './totals.ts';

/** Bits of an IPv6 address that count as one client's: a site gets a /56 or a /48 (RFC 6177). */
const IPV6_PREFIX_BITS = 56;

/** When to come back where there is no seat, in seconds. */
const RETRY_AFTER_S = '5';

/** Somebody who was let in, with a seat that is to be given back. */
export interface Admitted {
  readonly identity: Identity;
  readonly address: string;
}

/** Decides about upgrades, and keeps count of those that were let in. */
export class Admission {
  readonly seats: Seats;
  /** While it is set nobody is let in: the server is closing. */
  closing: boolean = false;
  private readonly options: Readonly<WebsocketOptions>;
  private readonly totals: Totals;
  private readonly events: WebsocketEvents;
  private readonly mayConnect: OriginGuard;
  private readonly admitted: StateKey<Admitted> = stateKey<Admitted>('websocket');
  /** A seat was taken, and somebody refused after all, or the client has gone. */
  private readonly stages = defineStages({
    done: (exchange) => {
      if (!exchange.upgraded) this.leave(exchange);
    },
  });

  constructor(options: Readonly<WebsocketOptions>, totals: Totals, events: WebsocketEvents) {
    this.options = options;
    this.totals = totals;
    this.events = events;
    this.seats = new Seats(options);
    this.mayConnect = originGuard(options.origins);
  }

  /** Takes a seat for whoever may have one; answers, and says so, where nobody may. */
  decide(exchange: Exchange): StepResult {
    const fault = this.fault(exchange);
    if (fault !== undefined) return this.refuse(exchange, fault);
    const { authenticate } = this.options;
    if (authenticate === undefined) {
      return this.seat(exchange, { principal: exchange.peekPrincipal() });
    }
    const identity = authenticate(exchange);
    return isThenable(identity) ? this.await(exchange, identity) : this.seat(exchange, identity);
  }

  /** Who was let in; once. */
  take(exchange: Exchange): Admitted | undefined {
    const admitted = exchange.getState(this.admitted);
    exchange.setState(this.admitted, undefined as never);
    return admitted;
  }

  release({ address, identity }: Admitted): void {
    this.seats.release(address, identity.principal);
  }

  refuse(exchange: Exchange, error: ProblemError): typeof HANDLED {
    this.totals.refusedTotal++;
    if (this.events.listening) {
      this.events.tell({ type: 'refused', code: error.code, exchange });
    }
    // For those who observe: it never reaches an error handler.
    exchange.error = error;
    answerProblem(exchange.res, error);
    return HANDLED;
  }

  private fault({ req }: Exchange): ProblemError | undefined {
    if (this.closing) {
      return unavailable('ERR_WEBSOCKET_CLOSING', 'The server is closing; connect anew.');
    }
    const fault = handshakeFault(req);
    if (fault !== undefined) return fault;
    if (this.mayConnect(req)) return undefined;
    return new ProblemError({
      code: 'ERR_ORIGIN_FORBIDDEN',
      status: 403,
      detail: 'Pages of this origin may not connect.',
    });
  }

  private async await(
    exchange: Exchange,
    authentication: PromiseLike<Identity | undefined>,
  ): Promise<void | typeof HANDLED> {
    const { authenticateTimeoutMs, clock } = this.options;
    let identity: Identity | undefined;
    const inTime = await within(authenticateTimeoutMs, clock, async () => {
      identity = await authentication;
    });
    if (inTime) return this.seat(exchange, identity);
    const detail = 'It took too long to find out who is connecting; connect anew.';
    return this.refuse(exchange, unavailable('ERR_AUTHENTICATION_TIMEOUT', detail));
  }

  private seat(exchange: Exchange, identity: Identity | undefined): MaybePromise<void | 'handled'> {
    const { req } = exchange;
    // The client has gone while somebody decided: nobody would give its seat back.
    if (req.socket.destroyed) return HANDLED;
    if (!isIdentity(identity) || hasExpired(identity, this.options.clock.now())) {
      return this.refuse(
        exchange,
        new ProblemError({
          code: 'ERR_UNAUTHENTICATED',
          status: 401,
          detail: 'Connecting needs valid credentials.',
          headers: { 'WWW-Authenticate': 'Bearer' },
        }),
      );
    }
    const address = clientNetwork(req.ip ?? req.socket.remoteAddress ?? '', IPV6_PREFIX_BITS);
    const full = this.seats.take(address, identity.principal);
    if (full !== undefined) return this.refuse(exchange, fullError(full));
    exchange.setState(this.admitted, { identity, address });
    exchange.tap(this.stages);
    return undefined;
  }

  private leave(exchange: Exchange): void {
    const admitted = this.take(exchange);
    if (admitted !== undefined) this.release(admitted);
  }
}

/** An upgrade that nobody has decided about reached its end; it is not let in. */
export function reportUndecided(exchange: Exchange): void {
  report(
    new Error(
      'An upgrade passed without "websocket:admission". Give setup all that websocket() returns.',
    ),
    'websocket upgrade',
    exchange,
  );
}

function fullError(full: Full): ProblemError {
  if (full === 'total') {
    return unavailable('ERR_CONNECTIONS_FULL', 'There are too many connections; try again later.');
  }
  return new ProblemError({
    code: 'ERR_CONNECTIONS_LIMITED',
    // RFC 6585 §4.
    status: 429,
    detail: `There are too many connections of this ${full}; end one, or try again later.`,
    headers: { 'Retry-After': RETRY_AFTER_S },
  });
}

function unavailable(code: string, detail: string): ProblemError {
  const headers = { 'Retry-After': RETRY_AFTER_S };
  return new ProblemError({ code, status: 503, detail, expose: true, headers });
}
