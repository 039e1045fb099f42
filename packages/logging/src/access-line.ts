/**
 * The access line: one per request, joined by hand, because a logger's own way of
 * making a line costs more than everything else that the house does with a request.
 */
import type { Exchange } from '@org/core';

import { ERROR, INFO, WARN } from './levels.ts';
import type { Redaction } from './redaction.ts';
import { isError, type Renderer } from './render.ts';
import { hidesMember, type RequestContext } from './request-context.ts';
import { msText } from './time-text.ts';

/** How much of the URL an access line shows. */
export type UrlPart = 'path' | 'full' | 'none';

/** Makes the access lines of one logging instance. */
export class AccessLine {
  private readonly renderer: Renderer;
  private readonly redaction: Redaction;
  private readonly context: RequestContext;
  private readonly url: UrlPart;

  constructor(renderer: Renderer, redaction: Redaction, context: RequestContext, url: UrlPart) {
    this.renderer = renderer;
    this.redaction = redaction;
    this.context = context;
    this.url = hidesMember(redaction, 'path') ? 'none' : url;
  }

  /** All of the line after time and level. `extra` are finished members, each with a comma before it. */
  members(exchange: Exchange, extra: string): string {
    const { res, aborted, error } = exchange;
    // A response that was cut off before its head has no status that anybody saw.
    const status = aborted && !res.headersSent ? '' : `,"status":${res.statusCode}`;
    return (
      `,"msg":"request"` +
      this.context.members(exchange) +
      (this.url === 'none' ? '' : `,"path":${this.renderer.text(this.shownUrl(exchange))}`) +
      status +
      `,"durationMs":${msText(exchange.durationMs)}` +
      `,"bytes":${exchange.bytes},"aborted":${aborted}` +
      extra +
      (error === undefined ? '' : this.errorMember(error, res.statusCode)) +
      '}'
    );
  }

  private shownUrl(exchange: Exchange): string {
    const url = exchange.req.originalUrl ?? exchange.req.url;
    const query = url.indexOf('?');
    if (query === -1) return url;
    return this.url === 'path' ? url.slice(0, query) : this.withoutSecrets(url, query);
  }

  /** Parameters of the query are judged by their names, as members are. */
  private withoutSecrets(url: string, query: number): string {
    const parts = url.slice(query + 1).split('&');
    const shown = parts.map((part) => {
      const equals = part.indexOf('=');
      const name = equals === -1 ? part : part.slice(0, equals);
      if (equals === -1 || !this.redaction.hidesKey(decoded(name))) return part;
      this.renderer.redactedTotal++;
      return `${name}=[redacted]`;
    });
    return `${url.slice(0, query)}?${shown.join('&')}`;
  }

  /** The fault of a server is shown whole; a refusal only by its name, because clients cause it at will. */
  private errorMember(error: unknown, status: number): string {
    if (status >= 500) return `,"err":${this.renderer.value('err', error)}`;
    if (!isError(error)) return '';
    const short = {
      get type(): unknown {
        return error.name;
      },
      get message(): unknown {
        return error.message;
      },
      get code(): unknown {
        return (error as { code?: unknown }).code;
      },
    };
    return `,"err":${this.renderer.value('err', short)}`;
  }
}

/** The level that an access line has when nobody decides otherwise. */
export function accessLevel(exchange: Exchange): number {
  if (exchange.aborted) return WARN;
  return exchange.res.statusCode >= 500 ? ERROR : INFO;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A share as a member of the line, so that counts can be scaled up again. */
export function sampleMember(ratio: number): string {
  return ratio >= 1 ? '' : `,"sampleRatio":${ratio}`;
}
