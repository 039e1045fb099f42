/** The operators' view of blocks: `GET` lists them, `DELETE` lifts one. Closed to all others. */
import {
  type Exchange,
  HANDLED,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
  type StepResult,
} from '@org/core';

/** A block as it is shown. */
export interface BlockView {
  /** An address, a network, or `principal:` and a hash. */
  readonly key: string;
  readonly reason: string;
  /** Blocked by an operator. */
  readonly manual: boolean;
  /** How often it has been blocked, this time included. */
  readonly strikes: number;
  /** When the block ends, in ms since the epoch. */
  readonly untilAt: number;
}

export interface BlocksDesk {
  list(): readonly BlockView[];
  /** @throws RangeError for what is no address */
  lift(address: string): boolean;
}

/** Answers requests for `path` and what is below it, and leaves others alone. */
export function blocksRoute(
  path: string,
  access: MonitoringAccess | undefined,
  desk: BlocksDesk,
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
    exchange.route = `${req.baseUrl}${path}${below === '' ? '' : '/:address'}`;
    res.setHeader('Cache-Control', 'no-store');
    if (below === '') {
      if (req.method !== 'GET' && req.method !== 'HEAD') throw notAllowed('GET, HEAD');
      res.json({ blocks: desk.list() });
      return HANDLED;
    }
    if (req.method !== 'DELETE') throw notAllowed('DELETE');
    if (!lifts(desk, below.slice(1))) throw notBlocked();
    res.statusCode = 204;
    res.end();
    return HANDLED;
  };
}

function lifts(desk: BlocksDesk, encoded: string): boolean {
  try {
    return desk.lift(decodeURIComponent(encoded));
  } catch {
    // No address, or not even text: nobody of that name is blocked.
    return false;
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
    detail: 'GET lists the blocks; DELETE with an address behind a slash lifts one.',
    headers: { Allow: methods },
  });
}

function notBlocked(): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_BLOCKED',
    status: 404,
    detail: 'There is no block of this address.',
  });
}
