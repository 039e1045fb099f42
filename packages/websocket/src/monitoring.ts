/** The operators' route: what `stats()` says, the channels with the most listeners, and the slowest connections. */
import { type MonitoringAccess, monitoringRoutes, type Step } from '@org/core';

import type { Hub } from './hub.ts';
import { statsOf } from './statistics.ts';

/** Channels, and connections, that are told. */
const MAX_TOLD = 20;

/** Answers requests for `path`, and leaves others alone. */
export function websocketsRoute(
  path: string | false,
  hub: Hub,
  access: MonitoringAccess | undefined,
): Step | undefined {
  if (path === false) return undefined;
  const GET = (): object => ({ ...statsOf(hub), channels: channels(hub), slowest: slowest(hub) });
  return monitoringRoutes({ [path]: { GET } }, access);
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
