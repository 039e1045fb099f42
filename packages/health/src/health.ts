/**
 * Probes that tell the truth under load: liveness, readiness, start-up and groups,
 * answered from what background checks already know. It stands at the very edge, so
 * that no limit, queue or log can hide whether the process lives.
 */
import {
  answerProblem,
  callHook,
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  type HealthStatus,
  type Middleware,
  monitoringGuard,
  OptionError,
  ProblemError,
  resolveOptions,
  type Stats,
} from '@org/core';

import type { CheckFunction, CheckStatus } from './check.ts';
import { HEALTH_JSON, healthDocument } from './document.ts';
import { Monitor } from './monitor.ts';
import {
  type CheckSpec,
  checkSettings,
  HEALTH_CHECKS,
  HEALTH_DEFAULTS,
  type HealthOptions,
  refuseStale,
} from './options.ts';

/** Health as a middleware, and as what applications ask. */
export interface Health extends Middleware {
  /**
   * Adds a check; the function that is returned takes it away again.
   * @throws OptionError for a name that is taken, a circle, or wrong settings
   */
  add(name: string, check: CheckFunction | CheckSpec): () => void;
  /** Runs every check now; resolves when all have settled. */
  refresh(): Promise<void>;
  /** What a probe or group amounts to: `ready`, `live`, `startup`, or a group's name. */
  probe(group: string): HealthStatus;
  /** One check or component, dependencies included; `undefined` if there is none of that name. */
  status(name: string): CheckStatus | undefined;
  /**
   * Starts the checks; `setup` calls it, and so does the first request where nobody has.
   * @throws OptionError for a dependency that is neither a check nor a component
   */
  start(): void;
  stats(): Stats;
  close(): void;
}

/**
 * Makes health.
 * @throws OptionError for options that it cannot work with
 */
export function health(options?: Given<HealthOptions>): Health {
  const given = resolveOptions('health', HEALTH_DEFAULTS, HEALTH_CHECKS, options);
  refuseStale('health', given.staleMs, given.intervalMs);
  const routes = routesOf(given);
  const isRoute = quickTest([...routes.keys()]);
  const mayLookInside = monitoringGuard(given.access);
  const monitor = new Monitor(given, () => middleware);
  let begun = false;
  let closed = false;
  let startedUp = false;
  let probesTotal = 0;
  let failedProbesTotal = 0;

  /** Under `setup` at its start; alone with the first request. */
  const begin = (): void => {
    begun = true;
    if (!closed) monitor.start();
  };

  const isServing = (): boolean => {
    const state = monitor.hostState;
    return !closed && (state === undefined || state === 'ready') && saysReady(given.isReady);
  };

  const probe = (group: string): HealthStatus => {
    if (group === 'startup') return startUp();
    if (group === 'ready' && !isServing()) return 'fail';
    return monitor.statusOf(group);
  };

  /** Once started up, a service stays so: what happens later is readiness. */
  const startUp = (): HealthStatus => {
    if (startedUp) return 'pass';
    const { hostState } = monitor;
    const begunServing =
      hostState === undefined ? saysReady(given.isReady) : hostState !== 'starting';
    startedUp = begunServing && monitor.statusOf('startup') !== 'fail';
    return startedUp ? 'pass' : 'fail';
  };

  const details = (status: HealthStatus): string =>
    healthDocument(status, monitor.judge(), given.about, {
      serving: isServing(),
      // JSON leaves out what is undefined: alone there is no whole to have a state.
      state: monitor.hostState,
    });

  /** Everything counts here, whichever group it is in. */
  const overall = (): HealthStatus => {
    const asked = new Set([...routes.values(), ...monitor.groups()]);
    asked.delete(DETAIL);
    const parts = [...asked].map(probe);
    if (parts.includes('fail')) return 'fail';
    return parts.includes('warn') ? 'warn' : 'pass';
  };

  const answer = (exchange: Exchange, route: string, group: string): typeof HANDLED => {
    const { req, res } = exchange;
    exchange.route = `${req.baseUrl ?? ''}${route}`;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      answerProblem(res, notAllowed());
      return HANDLED;
    }
    const status = group === DETAIL ? overall() : probe(group);
    probesTotal++;
    if (status === 'fail') failedProbesTotal++;
    const shown = group !== DETAIL && status === 'warn' ? 'pass' : status;
    const body = group === DETAIL && mayLookInside(req) ? details(status) : `{"status":"${shown}"}`;
    res.statusCode = status === 'fail' ? 503 : 200;
    res.setHeader('Content-Type', HEALTH_JSON);
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Content-Length', Buffer.byteLength(body));
    // To a HEAD request Node sends the head alone (RFC 9110 §9.3.2).
    res.end(req.method === 'HEAD' ? undefined : body);
    return HANDLED;
  };

  const middleware: Middleware = defineMiddleware({
    name: 'health',
    phase: 'edge',
    priority: 0,
    reason: 'liveness must never hide behind load or a limit',
    step(exchange) {
      if (!begun) begin();
      const { url } = exchange.req;
      if (!isRoute(url)) return undefined;
      const query = url.indexOf('?');
      const path = query === -1 ? url : url.slice(0, query);
      const group = routes.get(path);
      return group === undefined ? undefined : answer(exchange, path, group);
    },
    attach: (host) => monitor.attach(host),
    start() {
      monitor.refuseStrangers();
      begin();
    },
    stats(): Stats {
      const checks = monitor.judge();
      const count = (wanted: CheckStatus): number =>
        checks.filter(({ status }) => status === wanted).length;
      return {
        probesTotal,
        failedProbesTotal,
        passing: count('pass'),
        degraded: count('warn'),
        failing: count('fail'),
        unknown: count('unknown'),
        checks: Object.fromEntries(
          checks.map(({ check, status, critical, causes }) => [
            check.name,
            {
              status,
              critical,
              ...(status === 'pass' ? {} : { detail: check.detail, causes: causes.join(', ') }),
              runsTotal: check.runsTotal,
              failuresTotal: check.failuresTotal,
              timeoutsTotal: check.timeoutsTotal,
              durationMs: check.durationMs,
            },
          ]),
        ),
      };
    },
    close() {
      closed = true;
      monitor.stop();
    },
  });

  return Object.assign(middleware, {
    add: (name: string, check: CheckFunction | CheckSpec) => monitor.add(name, check),
    refresh: () => monitor.refresh(),
    probe,
    status: (name: string) => monitor.status(name),
  }) as Health;
}

/** The name under which the detailed answer stands among the routes. */
const DETAIL = 'middleware';

/** Paths to the probe or group that they ask for. */
function routesOf(given: Readonly<HealthOptions>): ReadonlyMap<string, string> {
  const own = Object.entries(given.checks).flatMap(
    ([name, spec]) => checkSettings(name, spec, given).groups,
  );
  const names = new Set([DETAIL, 'live', 'ready', 'startup', ...own]);
  const stranger = Object.keys(given.paths).find((name) => !names.has(name));
  if (stranger !== undefined) {
    throw new OptionError('health', [
      `option "paths" names "${stranger}", but there are ${[...names].join(', ')}.`,
    ]);
  }
  const routes = new Map<string, string>();
  for (const name of names) {
    const path = given.paths[name] ?? `${given.path}/${name}`;
    const taken = routes.get(path);
    if (taken !== undefined) {
      throw new OptionError('health', [
        `"${taken}" and "${name}" have the same path ${path}; give one another path in "paths".`,
      ]);
    }
    routes.set(path, name);
  }
  return routes;
}

/** Lets nearly every other request go by after one comparison. */
function quickTest(paths: readonly string[]): (url: string) => boolean {
  const shortest = Math.min(...paths.map((path) => path.length));
  const [first] = paths;
  let prefix = first!;
  while (!paths.every((path) => path.startsWith(prefix))) prefix = prefix.slice(0, -1);
  return (url) => url.length >= shortest && url.startsWith(prefix);
}

function saysReady(isReady: (() => boolean) | undefined): boolean {
  // A promise is not a yes, though it is truthy.
  return isReady === undefined || callHook(isReady, 'health isReady') === true;
}

function notAllowed(): ProblemError {
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail: 'Probes are read with GET or HEAD.',
    headers: { Allow: 'GET, HEAD' },
  });
}
