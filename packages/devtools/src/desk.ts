/** The routes of the tools: the page, and everything that it and `org-devtools` ask for. */
import {
  answerProblem,
  HANDLED,
  type MonitoringAccess,
  monitoringRoutes,
  ProblemError,
  type Step,
} from '@org/core';
import type { Application } from 'express';

import {
  type ExchangeRecord,
  type ExchangeSummary,
  type Replay,
  summaryOf,
} from './exchange-record.ts';
import type { FaultReport } from './fault-rules.ts';
import type { KeptExchanges } from './kept-exchanges.ts';
import type { Live } from './live.ts';
import { pageAnswer, PageFiles } from './page.ts';
import { headersOfCall, readJson, refuseOptions } from './read-json.ts';
import type { Replays } from './replays.ts';
import type { RouteReport } from './route-list.ts';

/** `GET …/api/exchanges` */
export interface ExchangeList {
  /** Newest first. */
  readonly exchanges: readonly ExchangeSummary[];
}

/** `GET …/api/faults` */
export interface FaultList {
  readonly faults: readonly FaultReport[];
}

/** `GET …/api/routes` */
export interface RouteList {
  readonly routes: readonly RouteReport[];
}

/** What the routes are made of. */
export interface Desk {
  readonly exchanges: KeptExchanges;
  readonly replays: Replays;
  readonly live: Live;
  clear(): void;
  routes(app: Application): readonly RouteReport[];
  faults(): readonly FaultReport[];
  /** @throws OptionError for rules that are none */
  setFaults(rules: unknown): void;
}

/** What is refused is told as a problem document, whatever the app makes of errors: the page and the command read it. */
export function deskRoutes(path: string, access: MonitoringAccess | undefined, desk: Desk): Step {
  const files = new PageFiles();
  const base = path.slice(path.lastIndexOf('/') + 1);
  const faultList = (): FaultList => ({ faults: desk.faults() });
  const api = `${path}/api`;
  const step = monitoringRoutes(
    {
      [path]: { GET: () => pageAnswer(base) },
      [`${path}/`]: {
        GET({ exchange: { res } }) {
          res.redirect(308, `../${base}`);
          return HANDLED;
        },
      },
      [`${path}/page/:name`]: { GET: ({ params }) => files.answer(params['name']!) ?? missing() },
      [`${api}/exchanges`]: {
        GET: (): ExchangeList => ({
          exchanges: desk.exchanges.all().map(({ record }) => summaryOf(record)),
        }),
        DELETE: () => desk.clear() as undefined,
      },
      [`${api}/exchanges/:id`]: {
        GET: ({ params }): ExchangeRecord => desk.exchanges.get(params['id']!)?.record ?? missing(),
      },
      [`${api}/exchanges/:id/replay`]: {
        POST: async ({ exchange: { req }, params }): Promise<Replay> => {
          desk.replays.through(req.app);
          return desk.replays.replay(params['id']!, headersOfCall(await readJson(req)));
        },
      },
      [`${api}/replay`]: {
        POST: async ({ exchange }) => {
          desk.replays.through(exchange.req.app);
          const headers = headersOfCall(await readJson(exchange.req));
          return desk.replays.replayAll(headers, exchange.signal);
        },
      },
      [`${api}/routes`]: {
        GET: ({ exchange: { req } }): RouteList => ({ routes: desk.routes(req.app) }),
      },
      [`${api}/faults`]: {
        GET: faultList,
        PUT: async ({ exchange: { req } }) => {
          const body = (await readJson(req)) as { readonly faults?: unknown } | undefined;
          try {
            desk.setFaults(body?.faults);
          } catch (error) {
            refuseOptions(error);
          }
          return faultList();
        },
        DELETE: () => desk.setFaults([]) as undefined,
      },
      [`${api}/events`]: {
        GET({ exchange }) {
          desk.live.open(exchange);
          return HANDLED;
        },
        // A page of another site could not read it, but would take a place.
        effects: true,
      },
    },
    access,
  );
  return (exchange) => {
    const refuse = (error: unknown): typeof HANDLED => {
      if (!(error instanceof ProblemError)) throw error;
      answerProblem(exchange.res, error);
      return HANDLED;
    };
    try {
      const result = step(exchange);
      return result instanceof Promise ? result.catch(refuse) : result;
    } catch (error) {
      return refuse(error);
    }
  };
}

function missing(): never {
  throw new ProblemError({
    code: 'ERR_NOT_FOUND',
    status: 404,
    detail: 'There is nothing of this name; newer exchanges may have taken its place.',
  });
}
