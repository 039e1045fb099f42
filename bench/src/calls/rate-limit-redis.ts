/**
 * One decision over a Redis on this machine, which two limiters share as two processes would: keys
 * that ask for three times their limit, half of it at each limiter. Beside the time, how much was
 * let through of what should have been, and what that has asked of Redis.
 */
import { redisStore } from '@org/redis';
import { type RateLimitOptions, rateLimit } from '@org/rate-limit';
import { Redis } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Contestant, Contestants } from '../calls.ts';
import { benchRedis } from '../redis.ts';

const LIMIT = 200;
const DEMAND = 3;
const AT_ONCE = 10;
/** Longer than a bench: a window that ends would let more through. */
const WINDOW_MS = 24 * 3_600_000;
const url = await benchRedis(55_444);

/** Whether a key may have one unit more. */
type Decide = (key: string) => boolean | Promise<boolean>;

export const contestants: Contestants = {
  'flexible-redis': shared('flexible', (client) => flexible(client, {})),
  'flexible-block': shared('block', (client) =>
    flexible(client, { inMemoryBlockOnConsumed: LIMIT }),
  ),
  memory: shared('memory', () => ours({})),
  fixed: shared('fixed', (client) => ours({ algorithm: 'fixed' }, client)),
  'fixed-leased': shared('fixed-leased', (client) =>
    ours({ algorithm: 'fixed', leaseUnits: 10 }, client),
  ),
  sliding: shared('sliding', (client) => ours({ algorithm: 'sliding' }, client)),
  'sliding-leased': shared('sliding-leased', (client) =>
    ours({ algorithm: 'sliding', leaseUnits: 10 }, client),
  ),
};

/** Two limiters, each with a connection of its own. */
function shared(name: string, make: (client: Redis) => Decide): Contestant {
  const clients = [connected(), connected()];
  const deciders = clients.map(({ client }) => make(client));
  let rounds = 0;
  let decided = 0;
  let admitted = 0;
  let commandsBefore = 0;

  return {
    calls: LIMIT * DEMAND,
    async run() {
      const key = `${name}-${rounds++}`;
      let left = LIMIT * DEMAND;
      const client = async (turn: number): Promise<void> => {
        while (left-- > 0) {
          decided++;
          if (await deciders[turn % deciders.length]!(key)) admitted++;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, turn) => client(turn)));
    },
    figures() {
      const commands = clients.reduce((sum, { sent }) => sum + sent(), 0);
      const figures = {
        admittedPercent: (100 * admitted) / (decided / DEMAND),
        commands: (commands - commandsBefore) / decided,
      };
      [decided, admitted, commandsBefore] = [0, 0, commands];
      return figures;
    },
    close: async () => clients.forEach(({ client }) => client.disconnect()),
  };
}

/** A client that counts its commands. */
function connected(): { readonly client: Redis; sent(): number } {
  const client = new Redis(url);
  const send = client.sendCommand.bind(client);
  let sent = 0;
  client.sendCommand = (...args: Parameters<typeof send>) => {
    sent++;
    return send(...args);
  };
  return { client, sent: () => sent };
}

function ours(options: Partial<RateLimitOptions>, client?: Redis): Decide {
  const limiter = rateLimit({
    limit: LIMIT,
    windowMs: WINDOW_MS,
    ...options,
    store: client === undefined ? undefined : redisStore({ client }),
    // A machine that is busy with other things is not what is measured.
    storeTimeoutMs: 5000,
  });
  return async (key) => (await limiter.consume(key)).allowed;
}

function flexible(client: Redis, more: object): Decide {
  const limiter: RateLimiterAbstract = new RateLimiterRedis({
    storeClient: client,
    points: LIMIT,
    duration: WINDOW_MS / 1000,
    ...more,
  });
  return (key) =>
    limiter.consume(key).then(
      () => true,
      () => false,
    );
}
