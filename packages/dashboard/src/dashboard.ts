/**
 * One page with everything the components know of themselves, live. It stands at the very edge,
 * because it is needed most when limits and queues turn everybody else away, and is closed like
 * every monitoring route.
 */
import { hostname } from 'node:os';
import {
  answerProblem,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  HANDLED,
  type Middleware,
  type MonitoringAnswer,
  type MonitoringCall,
  monitoringGuard,
  monitoringRoutes,
  resolveOptions,
  type Stats,
} from '@org/core';
import type { Request, Response } from 'express';

import { type Assets, loadAssets, sendAsset } from './assets.ts';
import { pageDocument, sendDocument, signInDocument } from './document.ts';
import { farewell, greeting, lastSeenAt, stateEvent } from './events.ts';
import {
  DASHBOARD_CHECKS,
  DASHBOARD_DEFAULTS,
  type DashboardOptions,
  refuseIdle,
} from './options.ts';
import { closedToStrangers, noPlace, notFound, type Refusal } from './refusals.ts';
import { Sampler } from './sampler.ts';
import { Sessions } from './session.ts';
import { Tabs } from './tabs.ts';

/** The dashboard as a middleware. */
export interface Dashboard extends Middleware {
  /** Begins to keep the past; `setup` calls it, and so does the first tab where nobody has. */
  start(): void;
  stats(): Stats;
  close(): void;
}

/**
 * Makes the dashboard.
 * @throws OptionError for options that it cannot work with
 */
export function dashboard(options?: Given<DashboardOptions>): Dashboard {
  const given = resolveOptions('dashboard', DASHBOARD_DEFAULTS, DASHBOARD_CHECKS, options);
  refuseIdle(given);
  const { path, title, access, clock, maxTabs } = given;
  const isAllowed = monitoringGuard(access);
  const sessions = typeof access === 'string' ? new Sessions(access, given.sessionMs) : undefined;
  const instance = `${hostname()}:${process.pid}:${Math.round(clock.now())}`;
  const base = path.slice(path.lastIndexOf('/') + 1);
  const tabs = new Tabs();
  const sampler = new Sampler(given, (state) => {
    if (tabs.count > 0) {
      tabs.send(Buffer.from(stateEvent(instance, state)), clock.now(), clock.monotonicMs());
    }
    sampler.pace(tabs.count > 0);
  });
  let assets: Assets | undefined;
  let closed = false;

  /** The service is about to go: a tab that is opened now would hold it up. */
  const isEnding = (): boolean => {
    const { hostState } = sampler;
    return closed || hostState === 'draining' || hostState === 'closed';
  };
  const endTabs = (): void => tabs.endAll(farewell());

  /** Until when the caller may see the inside: for good, or as long as its session lasts. */
  const allowedUntil = (req: Request): number | undefined =>
    isAllowed(req) ? Number.POSITIVE_INFINITY : sessions?.untilAt(req, clock.now());

  const answerPage = ({ req, res }: Exchange): Refusal => {
    const untilAt = allowedUntil(req);
    const init = { title, base, digest: (assets ??= loadAssets()).digest };
    if (untilAt !== undefined) {
      return sendDocument(res, 200, pageDocument(init, untilAt !== Number.POSITIVE_INFINITY));
    }
    if (sessions === undefined || req.accepts(['json', 'html']) !== 'html')
      return closedToStrangers();
    return sendDocument(res, 403, signInDocument(init));
  };

  const answerAsset = (
    { req, res }: Exchange,
    { digest, name = '' }: MonitoringCall['params'],
  ): Refusal => {
    // Those who sign in need them, and there is no secret in them.
    if (sessions === undefined && allowedUntil(req) === undefined) return closedToStrangers();
    assets ??= loadAssets();
    const file = digest === assets.digest ? assets.files.get(name) : undefined;
    if (file === undefined) return notFound();
    return sendAsset(req, res, file);
  };

  const openTab = (exchange: Exchange): Refusal => {
    const { req, res } = exchange;
    const untilAt = allowedUntil(req);
    if (untilAt === undefined) return closedToStrangers();
    if (isEnding()) return noPlace('The service is about to end.');
    if (tabs.count >= maxTabs) return noPlace(`There are ${maxTabs} tabs open already.`);
    res.statusCode = 200;
    res.setHeader('Content-Type', 'text/event-stream');
    // no-transform: a coding would hold events back to fill its window.
    res.setHeader('Cache-Control', 'no-store, no-transform');
    res.setHeader('X-Accel-Buffering', 'no');
    res.setHeader('X-Content-Type-Options', 'nosniff');
    if (req.method === 'HEAD') {
      res.end();
      return undefined;
    }
    const afterAt = lastSeenAt(instance, req.headers['last-event-id']);
    const { state } = sampler;
    exchange.tap(watching);
    tabs.add(
      exchange,
      untilAt,
      clock.monotonicMs(),
      greeting(instance, sampler.past(afterAt), Number.isFinite(afterAt), state),
    );
    sampler.pace(true);
    return undefined;
  };

  const watching = defineStages({
    done(exchange) {
      tabs.remove(exchange);
      if (!closed && tabs.count === 0) sampler.pace(false);
    },
  });

  /** Addresses on the page are relative, and would lead astray from its folder. */
  const leadToPage = ({ res }: Exchange): undefined => {
    res.redirect(308, `../${base}`);
  };

  const beginSession = ({ req, res }: Exchange): Refusal => {
    if (sessions === undefined) return notFound();
    if (!sessions.isToken(req)) return closedToStrangers();
    return sendCookie(res, sessions.begin(clock.now(), req.secure));
  };

  const endSession = ({ req, res }: Exchange): Refusal =>
    sessions === undefined ? notFound() : sendCookie(res, sessions.end(req.secure));

  /** Answers with a problem document where it is refused, whoever handles errors. */
  const answering =
    (answer: (exchange: Exchange, params: MonitoringCall['params']) => Refusal): MonitoringAnswer =>
    ({ exchange, params }) => {
      const refusal = answer(exchange, params);
      if (refusal !== undefined) answerProblem(exchange.res, refusal);
      return HANDLED;
    };

  const routes = monitoringRoutes(
    {
      [path]: { GET: answering(answerPage) },
      [`${path}/`]: { GET: answering(leadToPage) },
      [`${path}/events`]: { GET: answering(openTab), effects: true },
      [`${path}/assets/:digest/:name`]: { GET: answering(answerAsset) },
      [`${path}/sign-in`]: { POST: answering(beginSession) },
      [`${path}/sign-out`]: { POST: answering(endSession) },
    },
    // Each asks for itself who may: a session is let in as well, and strangers see a form.
    () => true,
  );

  return defineMiddleware({
    name: 'dashboard',
    phase: 'edge',
    priority: 80,
    reason: 'shows the inside to its operators, whatever the load',
    step: (exchange) => (closed ? undefined : routes(exchange)),
    attach(host) {
      sampler.attach(host);
      host.onDrain(endTabs);
    },
    start: () => sampler.pace(tabs.count > 0),
    stats: (): Stats => ({
      tabs: tabs.count,
      eventsTotal: tabs.eventsTotal,
      skippedTotal: tabs.skippedTotal,
      bytesTotal: tabs.bytesTotal,
    }),
    close() {
      if (closed) return;
      closed = true;
      sampler.close();
      endTabs();
    },
  }) as Dashboard;
}

function sendCookie(res: Response, cookie: string): undefined {
  res.statusCode = 204;
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Set-Cookie', cookie);
  res.end();
}
