/**
 * The routes of the reports: closed to all but loopback callers and callers with the token, and
 * at the edge, so that no limit, queue or cache stands between them and whoever looks into
 * what is going on.
 */
import {
  addressOf,
  type Exchange,
  HANDLED,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
  type Step,
} from '@org/core';
import type { Application } from 'express';

import { type Parameter, type Query, readQuery } from './query.ts';
import type { Reports } from './reports.ts';
import type { Retention } from './tiers.ts';

export interface RoutesOptions {
  readonly path: string;
  readonly access: MonitoringAccess | undefined;
  readonly retention: Retention;
  /** Has this instance's own latest numbers be there, too. */
  readonly flush: () => Promise<void>;
  readonly nowMs: () => number;
}

interface Route {
  readonly parameters: readonly Parameter[];
  readonly answer: (query: Query, app: Application) => Promise<object>;
}

const PAGED: readonly Parameter[] = Object.freeze(['from', 'to', 'limit', 'cursor']);

/** Makes the step that answers them. */
export function reportRoutes(reports: Reports, options: RoutesOptions): Step {
  const { path, flush, nowMs, retention } = options;
  const isAllowed = monitoringGuard(options.access);
  const routes: Readonly<Record<string, Route>> = {
    summary: {
      parameters: ['from', 'to', 'step'],
      answer: (query) => reports.summary(query),
    },
    endpoints: { parameters: PAGED, answer: (query) => reports.endpoints(query) },
    popular: { parameters: PAGED, answer: (query) => reports.popular(query) },
    consumers: { parameters: PAGED, answer: (query) => reports.consumers(query) },
    unused: { parameters: PAGED, answer: (query, app) => reports.unused(query, app) },
  };
  const byPath = new Map(Object.entries(routes).map(([name, one]) => [`${path}/${name}`, one]));

  async function answer(exchange: Exchange, name: string, route: Route): Promise<typeof HANDLED> {
    const { req, res } = exchange;
    res.setHeader('Cache-Control', 'no-store');
    const search = req.url.indexOf('?');
    const parameters = new URLSearchParams(search === -1 ? '' : req.url.slice(search));
    const query = readQuery(name, route.parameters, parameters, nowMs(), retention);
    await flush();
    const body = await route.answer(query, req.app as Application);
    if (!exchange.settled) res.json(body);
    return HANDLED;
  }

  return (exchange) => {
    const { req } = exchange;
    // One look tells for nearly every other request.
    if (!req.url.includes(path)) return undefined;
    const route = byPath.get(req.path);
    if (route === undefined) return undefined;
    if (!isAllowed(req)) throw closed();
    exchange.route = addressOf(req);
    if (req.method !== 'GET' && req.method !== 'HEAD') throw notAllowed();
    return answer(exchange, req.path.slice(path.length + 1), route);
  };
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
    detail: 'Reports are read with GET or HEAD.',
    headers: { Allow: 'GET, HEAD' },
  });
}
