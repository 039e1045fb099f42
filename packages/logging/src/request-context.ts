/** What every line of a request says about it: who, which, and where in the trace. */
import { type Correlated, EXCHANGE, type Exchange } from '@org/core';
import type { Request } from 'express';

import { quote } from './escape.ts';
import type { Redaction } from './redaction.ts';
import type { Renderer } from './render.ts';

/** Something that leads to an exchange, or to what a job carries on of one. */
export type RequestLike = Request | Exchange | Correlated;

/** Whom a line is of: a request, or a job that knows the request it comes from. */
export type Subject = Exchange | Correlated;

/** Renders the context of a request for one logging instance. */
export class RequestContext {
  private readonly renderer: Renderer;
  private readonly hidesPrincipal: boolean;
  private readonly hidesId: boolean;

  constructor(renderer: Renderer, redaction: Redaction) {
    this.renderer = renderer;
    this.hidesPrincipal = hidesMember(redaction, 'principal');
    this.hidesId = hidesMember(redaction, 'requestId');
  }

  /** Id and trace, and of a request method, route and principal; each with a comma before it. */
  members(subject: Subject): string {
    return isExchange(subject) ? this.ids(subject) + this.request(subject) : this.ids(subject);
  }

  private ids({ id, trace }: Subject): string {
    return (
      `,"requestId":${this.hidesId ? this.hidden() : this.renderer.text(id)}` +
      (trace === undefined ? '' : `,"traceId":"${trace.traceId}","spanId":"${trace.spanId}"`)
    );
  }

  private request(exchange: Exchange): string {
    const route = exchange.route;
    const principal = exchange.peekPrincipal();
    return (
      `,"method":${quote(exchange.req.method)}` +
      (route === undefined ? '' : `,"route":${quote(route)}`) +
      (principal === undefined
        ? ''
        : `,"principal":${this.hidesPrincipal ? this.hidden() : this.renderer.text(principal)}`)
    );
  }

  private hidden(): string {
    this.renderer.redactedTotal++;
    return '"[redacted]"';
  }
}

/** Whether a member of the line's root is hidden, by its key or by a path. */
export function hidesMember(redaction: Redaction, name: string): boolean {
  return redaction.hidesKey(name) || redaction.roots.some(({ next }) => next.get(name)?.end);
}

/** Whom `given` leads to: the exchange that a request belongs to, if it has one already, or a job's context as it is. */
export function subjectBehind(given: RequestLike | null | undefined): Subject | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  if (isExchange(given)) return given;
  const exchange = (given as Request & { [EXCHANGE]?: Exchange })[EXCHANGE];
  return exchange ?? (isCorrelated(given) ? given : undefined);
}

/** By what it can do: the exchange may come from another copy of core. */
export function isExchange(given: object): given is Exchange {
  return 'peekPrincipal' in given;
}

function isCorrelated(given: object): given is Correlated {
  return 'trace' in given && typeof (given as Correlated).id === 'string';
}
