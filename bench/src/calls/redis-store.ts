/**
 * What the store adds to a command of ioredis: time limit, breaker, bounds and errors. A hundred
 * calls at once, as requests that come together make them, and one after the other.
 */
import { redisStore } from '@org/redis';
import { Redis } from 'ioredis';
import type { Contestant, Contestants } from '../calls.ts';
import { benchRedis } from '../redis.ts';

const CALLS = 100;
const TTL_MS = 60_000;
const VALUE = Buffer.alloc(1024, 'x');
const ADD = `
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return { value, left }`;

const url = await benchRedis(56_379);
const client = new Redis(url);
const pipelined = new Redis(url, { enableAutoPipelining: true });
const sha1 = (await client.script('LOAD', ADD)) as string;
const store = redisStore({ url, timeoutMs: 5000 });
await store.start();
await client.set('bench', VALUE, 'PX', TTL_MS * 60);
await store.set('bench', VALUE, TTL_MS * 60);

/** Few keys that are free again at once: what is measured is the call, not a server that fills up. */
let claimed = 0;
const CLAIM_MS = 1;
const nextKey = (): string => `claim-${claimed++ % 1000}`;

export const contestants: Contestants = {
  'get-ioredis': together(() => client.getBuffer('bench')),
  'get-pipelined': together(() => pipelined.getBuffer('bench')),
  'get-store': together(() => store.get('bench')),
  'set-ioredis': together(() => client.set('set', VALUE, 'PX', TTL_MS)),
  'set-store': together(() => store.set('set', VALUE, TTL_MS)),
  'claim-ioredis': together(() =>
    client.callBuffer('set', [nextKey(), VALUE, 'NX', 'GET', 'PX', CLAIM_MS]),
  ),
  'claim-store': together(() => store.claim(nextKey(), VALUE, CLAIM_MS)),
  'add-ioredis': together(() => client.evalsha(sha1, 1, 'add', 1, TTL_MS)),
  'add-store': together(() => store.add('add', 1, TTL_MS)),
  'get-one-ioredis': alone(() => client.getBuffer('bench')),
  'get-one-pipelined': alone(() => pipelined.getBuffer('bench')),
  // It is the last to be closed, and closes what all have used.
  'get-one-store': { ...alone(() => store.get('bench')), close: end },
};

function together(once: () => unknown): Contestant {
  return {
    calls: CALLS,
    async run() {
      await Promise.all(Array.from({ length: CALLS }, once));
    },
  };
}

function alone(once: () => unknown): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await once();
    },
  };
}

async function end(): Promise<void> {
  client.disconnect();
  pipelined.disconnect();
  await store.close();
}
