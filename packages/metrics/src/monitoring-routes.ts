/**
 * The two monitoring routes. They stand at the edge, ahead of every limit and of the observers:
 * a scrape is not traffic. Closed to all but loopback callers and those whom `access` lets in.
 */
import {
  type Exchange,
  HANDLED,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
  type StepResult,
} from '@org/core';

/** What a route answers. */
export interface Page {
  readonly type: string;
  readonly text: string;
  /** Request headers that it was chosen by. */
  readonly vary?: string;
}

/** Makes the page of a route for a request. */
export type MakePage = (accept: string | undefined) => Promise<Page>;

/** Answers requests for the paths, and leaves others alone. */
export function monitoringRoutes(
  pages: ReadonlyMap<string, MakePage>,
  access: MonitoringAccess | undefined,
): (exchange: Exchange) => StepResult {
  const mayLookInside = monitoringGuard(access);
  return (exchange) => {
    const { req } = exchange;
    const { url } = req;
    const end = url.indexOf('?');
    const path = end === -1 ? url : url.slice(0, end);
    const make = pages.get(path);
    if (make === undefined) return undefined;
    exchange.route = `${req.baseUrl ?? ''}${path}`;
    if (!mayLookInside(req)) throw closed();
    if (req.method !== 'GET' && req.method !== 'HEAD') throw notAllowed();
    return answer(exchange, make);
  };
}

async function answer({ req, res }: Exchange, make: MakePage): Promise<typeof HANDLED> {
  const { type, text, vary } = await make(req.headers.accept);
  // Whoever asked may have gone, or have been answered by a deadline.
  if (res.headersSent || res.destroyed) return HANDLED;
  const body = Buffer.from(text);
  res.statusCode = 200;
  res.setHeader('Content-Type', type);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  if (vary !== undefined) res.setHeader('Vary', vary);
  res.setHeader('Content-Length', body.byteLength);
  // To a HEAD request Node sends the head alone (RFC 9110 §9.3.2).
  res.end(req.method === 'HEAD' ? undefined : body);
  return HANDLED;
}

function closed(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: 'This route is open to loopback callers and to callers with the monitoring token.',
  });
}

function notAllowed(): ProblemError {
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail: 'Metrics are read with GET or HEAD.',
    headers: { Allow: 'GET, HEAD' },
  });
}
