/** The operators' route: what `stats()` says, the channels with the most listeners, and the slowest connections. */
import {
  answerProblem,
  type Exchange,
  HANDLED,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
} from '@org/core';

import type { Hub } from './hub.ts';
import { statsOf } from './statistics.ts';

/** Channels, and connections, that are told. */
const MAX_TOLD = 20;

/** Makes what answers the route. */
export function websocketsRoute(
  hub: Hub,
  access: MonitoringAccess | undefined,
): (exchange: Exchange) => typeof HANDLED {
  const isAllowed = monitoringGuard(access);
  return (exchange) => {
    const { req, res } = exchange;
    if (!isAllowed(req)) {
      answerProblem(res, closed());
      return HANDLED;
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      answerProblem(res, notAllowed());
      return HANDLED;
    }
    const body = JSON.stringify({
      ...statsOf(hub),
      channels: channels(hub),
      slowest: slowest(hub),
    });
    res.statusCode = 200;
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Content-Length', Buffer.byteLength(body));
    res.end(req.method === 'HEAD' ? undefined : body);
    return HANDLED;
  };
}

function channels(hub: Hub): readonly object[] {
  return [...hub.channels.values()]
    .toSorted((one, other) => other.subscribers.size - one.subscribers.size)
    .slice(0, MAX_TOLD)
    .map(({ name, kind, subscribers, epoch, offset, sentTotal, historySize, members }) => ({
      name,
      pattern: kind.pattern,
      subscribers: subscribers.size,
      members: kind.hasPresence ? members.length : undefined,
      epoch,
      offset,
      sentTotal,
      historySize,
    }));
}

function slowest(hub: Hub): readonly object[] {
  return [...hub.connections]
    .filter(({ outbox }) => outbox.isSlow)
    .toSorted((one, other) => other.outbox.bytes - one.outbox.bytes)
    .slice(0, MAX_TOLD)
    .map(({ id, principal, outbox, socket }) => ({
      id,
      principal,
      waitingBytes: outbox.bytes,
      socketBytes: socket.writableLength,
    }));
}

function closed(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: 'This route is open to loopback callers and to callers with the monitoring token.',
  });
}

function notAllowed(): ProblemError {
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail: 'This address allows GET, HEAD.',
    headers: { Allow: 'GET, HEAD' },
  });
}
