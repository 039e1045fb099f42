/**
 * The routes of the reports, for operators alone, and at the edge, so that no limit, queue or
 * cache stands between them and whoever looks into what is going on.
 */
import {
  type MonitoringAccess,
  type MonitoringCall,
  type MonitoringRoute,
  monitoringRoutes,
  type Step,
} from '@org/core';
import type { Application } from 'express';

import { type Parameter, type Query, readQuery, wrongQuery } from './query.ts';
import type { Reports } from './reports.ts';
import type { Retention } from './tiers.ts';

export interface RoutesOptions {
  readonly path: string;
  readonly access: MonitoringAccess | undefined;
  readonly retention: Retention;
  /** Has this instance's own latest numbers be there, too, if the store takes them. Never rejects. */
  readonly flush: () => Promise<void>;
  /** Requests that the store has not taken. */
  readonly pendingRequests: () => number;
  readonly nowMs: () => number;
}

const SERIES: readonly Parameter[] = Object.freeze(['from', 'to', 'step']);
const PAGED: readonly Parameter[] = Object.freeze(['from', 'to', 'limit', 'cursor']);

/** Makes the step that answers them. */
export function reportRoutes(reports: Reports, options: RoutesOptions): Step {
  const { path, access, retention, flush, pendingRequests, nowMs } = options;

  const report = (
    name: string,
    parameters: readonly Parameter[],
    make: (query: Query, call: MonitoringCall) => Promise<object>,
  ): Record<string, MonitoringRoute> => ({
    [`${path}/${name}`]: {
      async GET(call) {
        const query = readQuery(name, parameters, call.query, nowMs(), retention);
        await flush();
        const made = await make(query, call);
        return { ...made, pending: pendingRequests() };
      },
    },
  });

  return monitoringRoutes(
    {
      ...report('summary', SERIES, (query) => reports.summary(query)),
      ...report('endpoints', PAGED, (query) => reports.endpoints(query)),
      ...report('popular', PAGED, (query) => reports.popular(query)),
      ...report('consumers', PAGED, (query) => reports.consumers(query)),
      ...report('consumers/:id', SERIES, async (query, { params }) =>
        reports.consumer(idIn(params['id']!), query),
      ),
      ...report('unused', PAGED, (query, { exchange }) =>
        reports.unused(query, exchange.req.app as Application),
      ),
    },
    access,
  );
}

/** @throws ProblemError for what is no id: a name has no business in an address, where logs see it */
function idIn(text: string): string {
  if (/^[cn]-[\w-]{16}$/.test(text)) return text;
  const detail = 'must be the id of a consumer, as the list of them has it and idOf() answers it';
  throw wrongQuery([{ parameter: 'id', detail }]);
}
