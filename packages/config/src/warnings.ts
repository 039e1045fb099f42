/**
 * Settings that are valid each by itself and dangerous together. They are warnings,
 * because somebody may know better; each names what to do.
 */
import { type KnownComponent, placeOf, priorityOf } from './components.ts';

/** Something that works, and probably not as meant. */
export interface ConfigWarning {
  /** Stable, for filtering. */
  readonly code:
    | 'near-miss'
    | 'milliseconds-for-seconds'
    | 'cache-before-authentication'
    | 'distributed-limit-without-redis'
    | 'distributed-limit-off'
    | 'trusts-every-proxy'
    | 'whitelist-can-be-forged'
    | 'heavy-in-production'
    | 'database-missing'
    | 'redis-missing';
  /** The settings, variables or components concerned. */
  readonly names: readonly string[];
  readonly message: string;
}

/** What the rules look at. */
export interface Situation {
  readonly values: Readonly<Record<string, unknown>>;
  readonly components: readonly KnownComponent[];
  readonly isEnabled: (component: string) => boolean;
  /** `NODE_ENV` is `production`. */
  readonly production: boolean;
}

type Rule = (situation: Situation) => readonly ConfigWarning[];

/** Every dangerous combination in a configuration. */
export function dangers(situation: Situation): readonly ConfigWarning[] {
  return RULES.flatMap((rule) => rule(situation));
}

/** Answers that are shared before anybody asks who is calling reach the wrong people. */
const cacheBeforeAuthentication: Rule = ({ components, values, isEnabled }) => {
  const place = (one: KnownComponent) =>
    placeOf(one, values[priorityOf(one.name)] as number | undefined);
  const sharing = components.filter(
    ({ name }) => (name === 'cache' || name === 'dedup') && isEnabled(name),
  );
  const authenticating = components.filter(
    ({ name, authenticates }) => authenticates === true && isEnabled(name),
  );
  return authenticating.flatMap((guard) =>
    sharing.flatMap((sharer) => {
      const [before, after] = [place(sharer), place(guard)];
      if (before === undefined || after === undefined || !isNotAfter(before, after)) return [];
      const fix =
        before[0] === after[0]
          ? `Set ${priorityOf(guard.name)} below ${before[1]}.`
          : `Move ${guard.name} to the phase "protect".`;
      return [
        {
          code: 'cache-before-authentication',
          names: [sharer.name, guard.name],
          message: `${sharer.name} (phase ${sharer.phase}, priority ${before[1]}) does not run after ${guard.name} (phase ${guard.phase}, priority ${after[1]}): it would give one caller's answer to another. ${fix}`,
        } as const,
      ];
    }),
  );
};

const distributedLimit: Rule = ({ values, isEnabled }) => {
  if (values['ENABLE_DISTRIBUTED_RATE_LIMIT'] !== true) return [];
  if (!isEnabled('rate-limit')) {
    return [
      {
        code: 'distributed-limit-off',
        names: ['ENABLE_DISTRIBUTED_RATE_LIMIT', 'ENABLE_RATE_LIMIT'],
        message:
          'ENABLE_DISTRIBUTED_RATE_LIMIT is on and ENABLE_RATE_LIMIT is off: nothing is limited. Switch both on, or both off.',
      },
    ];
  }
  if (values['REDIS_URL'] !== undefined) return [];
  return [
    {
      code: 'distributed-limit-without-redis',
      names: ['ENABLE_DISTRIBUTED_RATE_LIMIT', 'REDIS_URL'],
      message:
        'ENABLE_DISTRIBUTED_RATE_LIMIT is on without REDIS_URL: each process counts for itself, so that n processes let n times as much through. Set REDIS_URL.',
    },
  ];
};

const trustsEveryProxy: Rule = ({ values }) =>
  values['TRUST_PROXY'] === true
    ? [
        {
          code: 'trusts-every-proxy',
          names: ['TRUST_PROXY'],
          message:
            'TRUST_PROXY=true believes every X-Forwarded-For: any client can choose its own address, past limits, blocks and whitelists. Give the number of proxies in front (TRUST_PROXY=1), or their addresses.',
        },
      ]
    : [];

const whitelistBehindProxies: Rule = ({ values, isEnabled }) =>
  values['ENABLE_IP_WHITELIST'] === true && values['TRUST_PROXY'] === true && isEnabled('security')
    ? [
        {
          code: 'whitelist-can-be-forged',
          names: ['ENABLE_IP_WHITELIST', 'TRUST_PROXY'],
          message:
            'ENABLE_IP_WHITELIST together with TRUST_PROXY=true keeps nobody out: a client names a listed address in X-Forwarded-For. Give the number of proxies, or their addresses.',
        },
      ]
    : [];

const heavyInProduction: Rule = ({ values, production }) =>
  production && values['ENABLE_HEAVY_MIDDLEWARE'] === true
    ? [
        {
          code: 'heavy-in-production',
          names: ['ENABLE_HEAVY_MIDDLEWARE'],
          message:
            'ENABLE_HEAVY_MIDDLEWARE is on under NODE_ENV=production: what is heavy is for development and diagnosis. Switch it off when you are done.',
        },
      ]
    : [];

/** Only what somebody switched on is expected to work: the defaults need no server. */
const missingServers: Rule = ({ values, isEnabled }) => {
  const missing: ConfigWarning[] = [];
  if (isEnabled('db') && values['DATABASE_URL'] === undefined) {
    missing.push({
      code: 'database-missing',
      names: ['ENABLE_DB', 'DATABASE_URL'],
      message: 'ENABLE_DB is on without DATABASE_URL. Set it, or give db a pool in code.',
    });
  }
  const keepsTasks = values['REDIS_URL'] !== undefined || values['TASKS_FOLDER'] !== undefined;
  if (isEnabled('tasks') && !keepsTasks) {
    missing.push({
      code: 'redis-missing',
      names: ['ENABLE_TASKS', 'TASKS_FOLDER', 'REDIS_URL'],
      message:
        'ENABLE_TASKS is on without TASKS_FOLDER or REDIS_URL: jobs are kept in memory, and end with the process. Set TASKS_FOLDER to keep them, or REDIS_URL to share them.',
    });
  }
  return missing;
};

const RULES: readonly Rule[] = Object.freeze([
  cacheBeforeAuthentication,
  distributedLimit,
  trustsEveryProxy,
  whitelistBehindProxies,
  heavyInProduction,
  missingServers,
]);

/** Equal places keep the order of assembly, which a configuration cannot know: that is not after. */
function isNotAfter(
  one: readonly [phase: number, priority: number],
  other: readonly [phase: number, priority: number],
): boolean {
  return one[0] < other[0] || (one[0] === other[0] && one[1] <= other[1]);
}
