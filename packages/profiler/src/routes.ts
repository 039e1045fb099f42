/**
 * The operators' view: captures on demand, those that are kept, what has changed between two, and
 * functions by name. It stands at the edge: a capture takes longer than a deadline lets a request
 * take, and is wanted most when the service is overloaded.
 */
import {
  defineMiddleware,
  HANDLED,
  type Middleware,
  type MonitoringCall,
  monitoringPage,
  type MonitoringRoute,
  monitoringRoutes,
} from '@org/core';

import { type Capture, captureInfo, type CaptureKind } from './capture.ts';
import type { CaptureDesk } from './capture-desk.ts';
import { formatOf, type Rendered } from './formats.ts';
import type { ProfilerOptions } from './options.ts';
import { badRequest, snapshotsOff } from './problems.ts';
import type { ProfilerTools } from './tools.ts';

type Answer = ReturnType<NonNullable<MonitoringRoute['GET']>>;

/** Makes the middleware that answers `path` and what is below it. */
export function profilerRoutes(
  settings: Readonly<ProfilerOptions>,
  desk: CaptureDesk,
  tools: ProfilerTools,
): Middleware {
  const { path, access } = settings;
  const routes = path === false ? {} : routesBelow(path, settings, desk, tools);
  return defineMiddleware({
    name: 'profiler:routes',
    phase: 'edge',
    priority: 91,
    heavy: true,
    reason: 'a capture outlasts every deadline, and is wanted most under load',
    step: monitoringRoutes(routes, access),
  });
}

function routesBelow(
  path: string,
  { maxDurationMs, heapSnapshots }: Readonly<ProfilerOptions>,
  desk: CaptureDesk,
  tools: ProfilerTools,
): Readonly<Record<string, MonitoringRoute>> {
  async function takeCapture({ exchange, query }: MonitoringCall, kind: CaptureKind) {
    const format = formatOf(kind, query.get('format') ?? undefined);
    const durationMs = durationOf(query.get('seconds'), maxDurationMs);
    let capture: Capture;
    try {
      capture = await desk.take(kind, { durationMs, signal: exchange.signal });
    } catch (error) {
      // Nobody is there to be told.
      if (exchange.signal.aborted) return HANDLED;
      throw error;
    }
    const { id } = capture;
    // RFC 9110 §8.7: where this very answer can be had again.
    const again = `${exchange.req.baseUrl}${path}/captures/${id}?format=${format}`;
    return page(await tools.render(capture, format), {
      'X-Capture-Id': id,
      ...(desk.kept.find(id) === undefined ? {} : { 'Content-Location': again }),
    });
  }

  async function takeSnapshot({ exchange }: MonitoringCall) {
    if (!heapSnapshots) throw snapshotsOff();
    await desk.snapshot(exchange);
    return HANDLED;
  }

  async function showCapture({ params, query }: MonitoringCall) {
    const capture = desk.find(params['id']!);
    const format = query.get('format') ?? undefined;
    if (format === 'info') return captureInfo(capture);
    return page(await tools.render(capture, formatOf(capture.kind, format)));
  }

  async function showDiff({ query }: MonitoringCall) {
    const [from, to] = [captureIn(query, 'from'), captureIn(query, 'to')];
    const format = query.get('format') ?? 'json';
    if (format === 'json') return { from, to, functions: await tools.diff(from, to) };
    if (format === 'svg') return page(await tools.diffGraph(from, to));
    throw badRequest('"format" of a difference is json or svg.');
  }

  const cpu = (call: MonitoringCall): Answer => takeCapture(call, 'cpu');
  const heap = (call: MonitoringCall): Answer =>
    call.query.get('format') === 'heapsnapshot' ? takeSnapshot(call) : takeCapture(call, 'heap');
  return {
    [path]: {
      GET: () => ({
        running: tools.stats()['running'],
        captures: tools.captures(),
        functions: tools.functions(),
      }),
    },
    [`${path}/cpu`]: { GET: cpu, POST: cpu, effects: true },
    [`${path}/heap`]: { GET: heap, POST: heap, effects: true },
    [`${path}/captures`]: { GET: () => ({ captures: tools.captures() }) },
    [`${path}/captures/:id`]: { GET: showCapture },
    [`${path}/diff`]: { GET: showDiff },
    [`${path}/functions`]: { GET: () => ({ functions: tools.functions() }) },
  };
}

/** @throws ProblemError `ERR_PROFILE_REQUEST` for what is no number of seconds, or too large a one */
function durationOf(seconds: string | null, maxDurationMs: number): number | undefined {
  if (seconds === null) return undefined;
  const durationMs = Number(seconds) * 1000;
  if (!/^\d{1,4}(?:\.\d{1,3})?$/.test(seconds) || durationMs < 1 || durationMs > maxDurationMs) {
    throw badRequest(`"seconds" must be a number above 0 and at most ${maxDurationMs / 1000}.`);
  }
  return durationMs;
}

function captureIn(query: URLSearchParams, name: string): string {
  const id = query.get(name);
  if (id === null) throw badRequest(`"${name}" must name a capture.`);
  return id;
}

function page(
  { contentType, fileName, body }: Rendered,
  headers: Readonly<Record<string, string>> = {},
): object {
  const disposition = contentType === 'image/svg+xml' ? 'inline' : 'attachment';
  return monitoringPage({
    contentType,
    body,
    headers: {
      'Content-Disposition': `${disposition}; filename="${fileName}"`,
      // Names in a profile are whatever code is named: a browser is to draw them, and do nothing else.
      'Content-Security-Policy': "default-src 'none'; sandbox",
      ...headers,
    },
  });
}
