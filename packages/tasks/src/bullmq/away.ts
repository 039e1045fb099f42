/** Tells a server that cannot be used at the moment from one that refuses what it was asked. */

/** Replies of Redis that it would give to anything. */
const REDIS_AWAY = /^(?:CLUSTERDOWN|LOADING|MASTERDOWN|READONLY|TRYAGAIN|BUSY )/;
/** Classes of SQLSTATE: no connection, no resources, an operator's intervention. */
const POSTGRES_AWAY = /^(?:08|53|57)/;

/** Whether the next call would fail as well: not where the server has answered, and refused this one. */
export function isAway(error: unknown): boolean {
  const {
    name,
    message = '',
    code,
    severity,
  } = error as {
    readonly name?: string;
    readonly message?: string;
    readonly code?: string;
    /** Of Postgres' own answers alone. */
    readonly severity?: string;
  };
  if (name === 'ReplyError') return REDIS_AWAY.test(message);
  return severity === undefined || POSTGRES_AWAY.test(code ?? '');
}
