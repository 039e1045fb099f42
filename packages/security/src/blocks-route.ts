/** The operators' view of blocks: `GET` lists them, `DELETE` lifts one. Closed to all others. */
import { type MonitoringAccess, monitoringRoutes, ProblemError, type Step } from '@org/core';

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
): Step {
  return monitoringRoutes(
    {
      [path]: { GET: () => ({ blocks: desk.list() }) },
      [`${path}/:address`]: {
        DELETE({ params }) {
          if (!lifts(desk, params['address']!)) throw notBlocked();
          return undefined;
        },
      },
    },
    access,
  );
}

function lifts(desk: BlocksDesk, address: string): boolean {
  try {
    return desk.lift(address);
  } catch {
    // No address: nobody of that name is blocked.
    return false;
  }
}

function notBlocked(): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_BLOCKED',
    status: 404,
    detail: 'There is no block of this address.',
  });
}
