/** Every user of a store. */
import type { User } from '../user.ts';
import { cacheUser } from './cache.ts';
import { circuitUser } from './circuit.ts';
import { dedupUser } from './dedup.ts';
import { rateLimitUser } from './rate-limit.ts';
import { reputationUser } from './reputation.ts';
import { tasksUser } from './tasks.ts';
import { websocketUser } from './websocket.ts';

export const USERS: readonly User[] = Object.freeze([
  cacheUser,
  rateLimitUser,
  dedupUser,
  circuitUser,
  reputationUser,
  websocketUser,
  tasksUser,
]);
