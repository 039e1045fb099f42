/**
 * The operators' view: `GET` shows the numbers, the schedules and the latest dead jobs, `POST` has
 * one tried again or forgotten. Closed to all but loopback and the token; and a body of JSON is
 * asked for, which a page of another site cannot send without asking first.
 */
import {
  type Exchange,
  HANDLED,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
  type StepResult,
} from '@org/core';

/** What the route shows and does. */
export interface TasksDesk {
  document(): Promise<object>;
  replay(id: string): Promise<boolean>;
  discard(id: string): Promise<boolean>;
}

/** Answers requests for `path` and what is below it, and leaves others alone. */
export function monitoringRoute(
  path: string,
  access: MonitoringAccess | undefined,
  desk: TasksDesk,
): (exchange: Exchange) => StepResult {
  const mayLookInside = monitoringGuard(access);

  return (exchange) => {
    const { req, res } = exchange;
    const { url } = req;
    if (!url.startsWith(path)) return undefined;
    const end = url.indexOf('?');
    const below = url.slice(path.length, end === -1 ? undefined : end);
    if (below !== '' && !below.startsWith('/')) return undefined;
    if (!mayLookInside(req)) throw closed();
    res.setHeader('Cache-Control', 'no-store');
    if (below === '') {
      exchange.route = `${req.baseUrl ?? ''}${path}`;
      if (req.method !== 'GET' && req.method !== 'HEAD') throw notAllowed('GET, HEAD');
      return show();
    }
    const [, id, action] = /^\/dead\/([^/]+)\/(replay|discard)$/.exec(below) ?? [];
    if (id === undefined || action === undefined) throw notThere();
    exchange.route = `${req.baseUrl ?? ''}${path}/dead/:id/${action}`;
    if (req.method !== 'POST') throw notAllowed('POST');
    if (!isJson(req.headers['content-type'])) throw notJson();
    return act(id, action);

    async function show(): Promise<typeof HANDLED> {
      res.json(await desk.document());
      return HANDLED;
    }

    async function act(encoded: string, what: string): Promise<typeof HANDLED> {
      const job = decoded(encoded);
      const done = what === 'replay' ? await desk.replay(job) : await desk.discard(job);
      if (!done) throw notThere();
      res.statusCode = 204;
      res.end();
      return HANDLED;
    }
  };
}

function isJson(type: string | undefined): boolean {
  return /^application\/json(?:\s*;|\s*$)/i.test(type ?? '');
}

function decoded(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function closed(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: 'This route is open to loopback callers and to callers with the monitoring token.',
  });
}

function notAllowed(methods: string): ProblemError {
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail:
      'GET shows the jobs; POST to /dead/ID/replay or /dead/ID/discard deals with a dead one.',
    headers: { Allow: methods },
  });
}

function notThere(): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_UNKNOWN',
    status: 404,
    detail: 'There is no dead job of this id.',
  });
}

function notJson(): ProblemError {
  return new ProblemError({
    code: 'ERR_TASKS_NOT_JSON',
    status: 415,
    detail: 'Send it with Content-Type: application/json; the body may be {}.',
    headers: { Accept: 'application/json' },
  });
}
