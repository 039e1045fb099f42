/**
 * The routes of the reports, for operators alone, and at the edge, so that no limit, queue or
 * cache stands between them and whoever looks into what is going on.
 */
import {
  type MonitoringAccess,
  type MonitoringRoute,
  monitoringRoutes,
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

const SERIES: readonly Parameter[] = Object.freeze(['from', 'to', 'step']);
const PAGED: readonly Parameter[] = Object.freeze(['from', 'to', 'limit', 'cursor']);

/** Makes the step that answers them. */
export function reportRoutes(reports: Reports, options: RoutesOptions): Step {
  const { path, access, retention, flush, nowMs } = options;

  const report = (
    name: string,
    parameters: readonly Parameter[],
    make: (query: Query, app: Application) => Promise<object>,
  ): Record<string, MonitoringRoute> => ({
    [`${path}/${name}`]: {
      async GET({ exchange, query: given }) {
        const query = readQuery(name, parameters, given, nowMs(), retention);
        await flush();
        return make(query, exchange.req.app as Application);
      },
    },
  });

  return monitoringRoutes(
    {
      ...report('summary', SERIES, (query) => reports.summary(query)),
      ...report('endpoints', PAGED, (query) => reports.endpoints(query)),
      ...report('popular', PAGED, (query) => reports.popular(query)),
      ...report('consumers', PAGED, (query) => reports.consumers(query)),
      ...report('unused', PAGED, (query, app) => reports.unused(query, app)),
    },
    access,
  );
}
