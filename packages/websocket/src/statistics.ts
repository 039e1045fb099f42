/** What a server says of itself: numbers, and whether it is near one of its limits. */
import type { HealthReport, Stats } from '@org/core';

import type { Hub } from './hub.ts';
import type { WebsocketOptions } from './options.ts';

/** The share of a limit from which health warns. */
const NEARLY_FULL_RATIO = 0.9;

export function statsOf(hub: Hub): Stats {
  const { held, relay } = hub;
  return {
    connections: hub.connections.size,
    channels: hub.channels.size,
    ...hub.totals.snapshot(),
    droppedTotal: held.droppedTotal,
    conflatedTotal: held.conflatedTotal,
    bufferedBytes: hub.bufferedBytes(),
    historyBytes: hub.historyBytes,
    bus:
      relay === undefined
        ? undefined
        : {
            peers: relay.peerCount,
            gapsTotal: relay.gapsTotal,
            failuresTotal: relay.failuresTotal,
          },
  };
}

/** `taken`: connections, and those that are being opened. */
export function healthOf(
  { held, relay }: Hub,
  taken: number,
  { maxConnections, maxTotalBufferedBytes }: Readonly<WebsocketOptions>,
): HealthReport {
  const warnings = [
    taken >= maxConnections * NEARLY_FULL_RATIO &&
      `${taken} of ${maxConnections} connections are taken`,
    held.bytes >= maxTotalBufferedBytes * NEARLY_FULL_RATIO &&
      `${held.bytes} of ${maxTotalBufferedBytes} bytes wait for clients who read slowly`,
    relay?.isDeaf === true && 'the bus cannot be heard: events of other processes are missed',
    relay?.failing === true && 'the bus does not take messages: other processes miss events',
  ].filter((warning) => warning !== false);
  return warnings.length === 0
    ? { status: 'pass' }
    : { status: 'warn', detail: warnings.join('; ') };
}
