/** What a look at the reputation of a request's address costs, by what there is to look at. */
import type { Exchange } from '@org/core';
import { reputation, type ReputationOptions } from '@org/security';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 10_000;
const BLOCKED = 1000;

/** Requests from so many addresses in turn, none of which is blocked. */
const EXCHANGES: readonly Exchange[] = Array.from({ length: 256 }, (_, at) => {
  const req = {
    ip: `198.51.100.${at}`,
    url: '/',
    headers: {},
    socket: {},
    app: { get: () => undefined },
  };
  return { req, internal: false, peekPrincipal: () => undefined } as unknown as Exchange;
});

function looking(options: Partial<ReputationOptions>, blocked: number): Contestant {
  const guard = reputation(options);
  for (let at = 0; at < blocked; at++) guard.block(`203.0.${at >> 8}.${at & 255}`);
  const step = guard.step!;
  return {
    calls: CALLS,
    run() {
      for (let at = 0; at < CALLS; at++) void step(EXCHANGES[at & 255]!);
    },
  };
}

export const contestants: Contestants = {
  idle: looking({}, 0),
  blocks: looking({}, BLOCKED),
  deny: looking({ deny: Array.from({ length: 100 }, (_, at) => `10.${at}.0.0/16`) }, 0),
};
