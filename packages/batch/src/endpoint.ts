/**
 * Many HTTP requests in one: a client that needs twenty small answers pays for one round trip.
 * The batch itself is only the envelope: it stands ahead of the queue and takes no place there,
 * while each item goes through everything, limits and queue included, as if it had come alone.
 */
import {
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  type Host,
  type Middleware,
  ProblemError,
  type Stats,
  type Step,
} from '@org/core';
import type { Express, Request } from 'express';

import { readBatch, type RequestRules } from './batch-request.ts';
import { type BatchEndpointOptions, resolveEndpointOptions } from './endpoint-options.ts';
import { addressCheck } from './item-address.ts';
import { inherited } from './item-headers.ts';
import { ITEM, type Run, runItem } from './item-run.ts';
import { type Outcome, tell } from './outcome.ts';
import { readJson } from './request-body.ts';
import { runInOrder } from './run-in-order.ts';

/** Makes the endpoint. @throws OptionError for unknown or wrong options */
export function batchEndpoint(options?: Given<BatchEndpointOptions>): Middleware {
  const settings = resolveEndpointOptions(options);
  const { path, maxBatches, maxConcurrent, maxRequestBytes, maxResponseBytes } = settings;
  const rules: RequestRules = {
    options: settings,
    addressFault: addressCheck(settings.paths),
    itemHeaders: new Set(settings.itemHeaders.map((name) => name.toLowerCase())),
  };
  const inheritedNames = settings.inheritHeaders.map((name) => name.toLowerCase());
  const numbers = {
    batchesTotal: 0,
    itemsTotal: 0,
    failedItemsTotal: 0,
    refusedTotal: 0,
    active: 0,
  };
  let host: Host | undefined;

  async function answer(exchange: Exchange): Promise<typeof HANDLED> {
    const { req, res } = exchange;
    const folder = folderOf(req);
    const items = readBatch(await readJson(req, maxRequestBytes), folder, rules);
    numbers.batchesTotal++;
    numbers.itemsTotal += items.length;
    const outcomes = new Map<string, Outcome>();
    const whole = host;
    const run: Run = {
      outer: exchange,
      listener:
        whole === undefined
          ? outermost(req.app as Express)
          : (inner, out) => whole.handle(inner, out),
      folder,
      rules,
      inherited: inherited(req.headers, inheritedNames),
      outcomes,
      bytesLeft: maxResponseBytes,
    };
    await runInOrder(items, maxConcurrent, outcomes, (item) => runItem(item, run));
    for (const { status } of outcomes.values()) if (status >= 400) numbers.failedItemsTotal++;
    // Who gave up on the batch has answered, or nobody is there.
    if (exchange.signal.aborted || res.headersSent) return HANDLED;
    const told = items.map(({ id }) => tell(id, outcomes.get(id)!));
    const cookies = items.flatMap(({ id }) => outcomes.get(id)!.cookies);
    if (cookies.length > 0) res.appendHeader('Set-Cookie', cookies);
    const body = Buffer.from(`{"responses":[${told.join(',')}]}`);
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Content-Length', body.length);
    res.end(body);
    return HANDLED;
  }

  const step: Step = (exchange) => {
    const { req } = exchange;
    if (!isAt(req.url, path) || req.method === 'OPTIONS') return undefined;
    if (ITEM in req) throw refusal('ERR_BATCH_NESTED', 400, 'A batch cannot hold another.');
    if (req.method !== 'POST') {
      // RFC 9110 §15.5.6
      throw refusal('ERR_BATCH_METHOD', 405, 'Send a batch with POST.', { Allow: 'POST, OPTIONS' });
    }
    if (numbers.active >= maxBatches) {
      numbers.refusedTotal++;
      throw refusal('ERR_BATCH_BUSY', 503, 'Too many batches run at the moment.', {
        'Retry-After': '1',
      });
    }
    numbers.active++;
    return answer(exchange).finally(() => numbers.active--);
  };

  return defineMiddleware({
    name: 'batch:endpoint',
    phase: 'admit',
    priority: 10,
    before: ['queue'],
    reason:
      'its items wait in the queue, each for itself; a batch that held a place there would wait for its own',
    step,
    attach(given) {
      host = given;
    },
    stats: (): Stats => ({ ...numbers }),
  });
}

function isAt(url: string, path: string): boolean {
  if (!url.startsWith(path)) return false;
  const rest = url.slice(path.length);
  return rest === '' || rest === '/' || rest.startsWith('?') || rest.startsWith('/?');
}

/** Where the endpoint lies: `/api/` for `/api/batch`. Its items reach what is there and below. */
function folderOf(req: Request): string {
  const path = (req.originalUrl || req.url).split('?', 1)[0]!.replace(/\/$/, '');
  return path.slice(0, path.lastIndexOf('/') + 1) || '/';
}

/** The app that no other app has mounted. */
function outermost(app: Express): Express {
  let at = app as Express & { parent?: Express };
  while (at.parent !== undefined) at = at.parent;
  return at;
}

function refusal(
  code: string,
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): ProblemError {
  return new ProblemError({ code, status, detail, expose: true, headers });
}
