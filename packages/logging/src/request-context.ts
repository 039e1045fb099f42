/** What every line of a request says about it: who, which, and where in the trace. */
import { EXCHANGE, type Exchange } from '@org/core';
import type { Request } from 'express';

import { quote } from './escape.ts';
import type { Redaction } from './redaction.ts';
import type { Renderer } from './render.ts';

/** Something that leads to an exchange. */
export type RequestLike = Request | Exchange;

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

  /** Id, trace, method, route and principal, each with a comma before it. */
  members(exchange: Exchange): string {
    const { trace } = exchange;
    const route = exchange.route;
    const principal = exchange.peekPrincipal();
    return (
      `,"requestId":${this.hidesId ? this.hidden() : this.renderer.text(exchange.id)}` +
      (trace === undefined ? '' : `,"traceId":"${trace.traceId}","spanId":"${trace.spanId}"`) +
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

/** The exchange that a request belongs to, if it has one already. */
export function exchangeBehind(subject: RequestLike | null | undefined): Exchange | undefined {
  if (typeof subject !== 'object' || subject === null) return undefined;
  return 'peekPrincipal' in subject
    ? subject
    : (subject as Request & { [EXCHANGE]?: Exchange })[EXCHANGE];
}
