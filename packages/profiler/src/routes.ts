/**
 * The operators' view: captures on demand, those that are kept, what has changed between two, and
 * functions by name. Closed to all but loopback callers and callers with the token, and to what
 * pages of other sites have a browser ask for. It stands at the edge: a capture takes longer than
 * a deadline lets a request take, and is wanted most when the service is overloaded.
 */
import {
  defineMiddleware,
  type Exchange,
  HANDLED,
  type Middleware,
  monitoringGuard,
  type StepResult,
} from '@org/core';

import { type Capture, captureInfo, type CaptureKind } from './capture.ts';
import type { CaptureDesk } from './capture-desk.ts';
import { formatOf, type Rendered } from './formats.ts';
import type { ProfilerOptions } from './options.ts';
import {
  badRequest,
  crossSite,
  monitoringClosed,
  notAllowed,
  notFound,
  snapshotsOff,
} from './problems.ts';
import type { ProfilerTools } from './tools.ts';

/** A request as the routes read it. */
interface Asked {
  readonly exchange: Exchange;
  readonly query: URLSearchParams;
}

/** Makes the middleware that answers `path` and what is below it. */
export function profilerRoutes(
  settings: Readonly<ProfilerOptions>,
  desk: CaptureDesk,
  tools: ProfilerTools,
): Middleware {
  const { path, maxDurationMs } = settings;
  const mayLookInside = monitoringGuard(settings.access);
  const routes: Readonly<Record<string, (asked: Asked) => Promise<void> | void>> = {
    '': (asked) => {
      only(asked, 'GET', 'HEAD');
      const running = desk.recorder.kind ?? null;
      json(asked, { running, captures: tools.captures(), functions: tools.functions() });
    },
    '/cpu': (asked) => takeCapture(asked, 'cpu'),
    '/heap': (asked) =>
      asked.query.get('format') === 'heapsnapshot'
        ? takeSnapshot(asked)
        : takeCapture(asked, 'heap'),
    '/captures': (asked) => {
      only(asked, 'GET', 'HEAD');
      json(asked, { captures: tools.captures() });
    },
    '/diff': showDiff,
    '/functions': (asked) => {
      only(asked, 'GET', 'HEAD');
      json(asked, { functions: tools.functions() });
    },
  };

  async function takeCapture(asked: Asked, kind: CaptureKind): Promise<void> {
    only(asked, 'GET', 'POST');
    const format = formatOf(kind, asked.query.get('format') ?? undefined);
    const durationMs = durationOf(asked.query.get('seconds'));
    const { exchange } = asked;
    let capture: Capture;
    try {
      capture = await desk.take(kind, { durationMs, signal: exchange.signal });
    } catch (error) {
      // Nobody is there to be told.
      if (exchange.signal.aborted) return;
      throw error;
    }
    const kept = desk.kept.find(capture.id) !== undefined;
    send(asked, await tools.render(capture, format), {
      'X-Capture-Id': capture.id,
      // RFC 9110 §8.7: where this very answer can be had again.
      ...(kept
        ? {
            'Content-Location': `${exchange.req.baseUrl}${path}/captures/${capture.id}?format=${format}`,
          }
        : {}),
    });
  }

  async function takeSnapshot(asked: Asked): Promise<void> {
    only(asked, 'GET', 'POST');
    if (!settings.heapSnapshots) throw snapshotsOff();
    await desk.snapshot(asked.exchange);
  }

  async function showCapture(asked: Asked, id: string): Promise<void> {
    only(asked, 'GET', 'HEAD');
    const capture = desk.find(id);
    const format = asked.query.get('format');
    if (format === 'info') json(asked, captureInfo(capture));
    else send(asked, await tools.render(capture, formatOf(capture.kind, format ?? undefined)));
  }

  async function showDiff(asked: Asked): Promise<void> {
    only(asked, 'GET', 'HEAD');
    const [from, to] = [parameter(asked, 'from'), parameter(asked, 'to')];
    const format = asked.query.get('format') ?? 'json';
    if (format !== 'json' && format !== 'svg') {
      throw badRequest('"format" of a difference is json or svg.');
    }
    if (format === 'svg') send(asked, await tools.diffGraph(from, to));
    else json(asked, { from, to, functions: await tools.diff(from, to) });
  }

  function durationOf(seconds: string | null): number | undefined {
    if (seconds === null) return undefined;
    const durationMs = Number(seconds) * 1000;
    if (!/^\d{1,4}(?:\.\d{1,3})?$/.test(seconds) || durationMs < 1 || durationMs > maxDurationMs) {
      throw badRequest(`"seconds" must be a number above 0 and at most ${maxDurationMs / 1000}.`);
    }
    return durationMs;
  }

  return defineMiddleware({
    name: 'profiler:routes',
    phase: 'edge',
    priority: 91,
    heavy: true,
    reason: 'a capture outlasts every deadline, and is wanted most under load',
    step(exchange): StepResult {
      const { req } = exchange;
      const { url } = req;
      if (path === false || !url.startsWith(path)) return undefined;
      const end = url.indexOf('?');
      const below = url.slice(path.length, end === -1 ? undefined : end);
      if (below !== '' && !below.startsWith('/')) return undefined;
      if (!mayLookInside(req)) throw monitoringClosed();
      // A page can have a browser on this machine ask, though it cannot read the answer.
      if (FOREIGN.test(String(req.headers['sec-fetch-site']))) throw crossSite();
      const asked = { exchange, query: new URLSearchParams(end === -1 ? '' : url.slice(end)) };
      const id = CAPTURE.exec(below)?.[1];
      const route = Object.hasOwn(routes, below) ? routes[below] : undefined;
      if (id === undefined && route === undefined) throw notFound();
      exchange.route = `${req.baseUrl}${path}${id === undefined ? below : '/captures/:id'}`;
      const answered = id === undefined ? route!(asked) : showCapture(asked, id);
      return answered === undefined ? HANDLED : answered.then(() => HANDLED);
    },
  });
}

/** Ids are letters, digits and dashes. */
const CAPTURE = /^\/captures\/([\w-]{1,60})$/;

/** Fetch Metadata: a request that a page of another site, or of another origin of this one, has made. */
const FOREIGN = /^(?:cross|same)-site$/;

function parameter({ query }: Asked, name: string): string {
  const value = query.get(name);
  if (value === null) throw badRequest(`"${name}" must name a capture.`);
  return value;
}

/** @throws ProblemError `ERR_METHOD_NOT_ALLOWED` for other methods (RFC 9110 §15.5.6) */
function only({ exchange }: Asked, ...methods: readonly string[]): void {
  if (!methods.includes(exchange.req.method)) throw notAllowed(methods.join(', '));
}

function json(asked: Asked, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  answer(asked, 'application/json; charset=utf-8', body, {});
}

function send(asked: Asked, rendered: Rendered, headers: Record<string, string> = {}): void {
  const { contentType, fileName, body } = rendered;
  const disposition = contentType === 'image/svg+xml' ? 'inline' : 'attachment';
  answer(asked, contentType, body, {
    'Content-Disposition': `${disposition}; filename="${fileName}"`,
    ...headers,
  });
}

function answer(
  { exchange }: Asked,
  contentType: string,
  body: Uint8Array,
  headers: Record<string, string>,
): void {
  const { req, res } = exchange;
  res.statusCode = 200;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Length', body.byteLength);
  // Names in a profile are whatever code is named: a browser is to draw them, and do nothing else.
  res.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
  res.setHeader('X-Content-Type-Options', 'nosniff');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(req.method === 'HEAD' ? undefined : body);
}
