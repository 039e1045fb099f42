/**
 * Several versions of an API from handlers that know the newest one. It stands in the phase
 * `shape`, above the cache: the version is part of a cache key. What older clients send is
 * carried up in the phase `read`, behind the body parser; what they get is carried down as a
 * value, before it becomes text, errors and lines included.
 */
import {
  callHook,
  CREDENTIAL_DEFAULTS,
  Credentials,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  type Middleware,
  OptionError,
  ProblemError,
  type ResponseHead,
  type Stages,
  type Stats,
  stateKey,
  type ValueKind,
} from '@org/core';

import { type Chain, chainsFor, downgrade, upgradeBody, upgradeQuery } from './chains.ts';
import { type Changelog, changelogOf } from './changelog.ts';
import type { ChangeContext } from './change.ts';
import { type Ending, endingOf, refusalOf } from './deprecation.ts';
import { resolveVersioningOptions, type VersioningOptions } from './options.ts';
import { sourcesFor, type Stated } from './sources.ts';
import { Usage, type VersionUsage } from './usage.ts';
import { VersionList } from './version-list.ts';

/** The middleware, and what is known of the API's versions. */
export interface Versioning extends Middleware {
  /** Every version, oldest first. */
  readonly versions: readonly string[];
  /** What changed, newest first, from the changes themselves; as text it is Markdown. */
  changelog(): Changelog;
  /** Who uses which version. Consumers are counted for deprecated versions only. */
  usage(): readonly VersionUsage[];
}

/** One version, with all that is known of it at construction. */
interface Served {
  readonly name: string;
  readonly chain: Chain;
  readonly ending: Ending | undefined;
  readonly stages: Stages;
  readonly usage: Usage;
}

/** What a request has been found to want. */
interface Chosen {
  readonly served: Served;
  /** The address, without the version. */
  readonly url: string;
}

/**
 * Makes two middlewares that share one state: `versioning`, and `versioning:requests`, which
 * carries requests up behind the body parser.
 * @throws OptionError for unknown, missing or wrong options
 */
export function versioning(
  options: Given<VersioningOptions> & Pick<VersioningOptions, 'versions'>,
): [Versioning, Middleware] {
  const settings = resolveVersioningOptions(options);
  const { clock, pin, match, headerName, onDeprecated } = settings;
  const versions = new VersionList(settings.versions);
  const { latest } = versions;
  const chains = chainsFor(versions, settings.changes);
  const endings = endingsOf(settings, versions);
  const readers = sourcesFor(settings, versions.isDated);
  const credentials = new Credentials(CREDENTIAL_DEFAULTS);
  const key = stateKey<Chosen>('versioning');
  const vary = varyOf(settings);
  const refusedTotal = { unknown: 0, invalid: 0, conflict: 0, brownout: 0, gone: 0 };

  const all: readonly Served[] = versions.names.map((name, place) => {
    const chain = chains[place]!;
    const ending = endings.get(name);
    return {
      name,
      chain,
      ending,
      stages: defineStages({
        ...(chain.changesValues ? { transform } : {}),
        head: (head) => tell(head, name, ending),
      }),
      usage: new Usage(name, settings.maxConsumers),
    };
  });
  const byName = new Map(all.map((served) => [served.name, served]));
  const fallback = byName.get(fallbackOf(settings, versions))!;

  function step(exchange: Exchange): void {
    if (exchange.getState(key) !== undefined) return;
    const { req } = exchange;
    let { url } = req;
    let stated: Stated | undefined;
    for (const read of readers) {
      const found = read(req, url);
      if (found === undefined) continue;
      url = found.url ?? url;
      if (stated === undefined) stated = found;
      else if (stated.text !== found.text) throw conflict(stated, found);
    }
    const served = stated === undefined ? pinnedOf(exchange) : find(stated.text, stated.source);
    if (url !== req.url) req.url = url;
    const address = req.baseUrl === '' ? url : req.baseUrl + url;
    exchange.setState(key, { served, url: address });
    exchange.version = served.name;
    exchange.tap(served.stages);
    served.usage.note();
    if (served.ending !== undefined) deprecatedUse(exchange, served, served.ending);
  }

  /** Those who do not say. */
  function pinnedOf(exchange: Exchange): Served {
    const pinned = pin?.(exchange);
    if (pinned === undefined) return fallback;
    const served = byName.get(String(pinned));
    if (served !== undefined) return served;
    throw new TypeError(
      `versioning: "pin" answered ${String(pinned)}, which is none of ${versions.names.join(', ')}.`,
    );
  }

  function find(text: string, source: string): Served {
    const served = byName.get(text);
    if (served !== undefined) return served;
    if (!versions.hasForm(text)) {
      refusedTotal.invalid++;
      throw refusal('ERR_VERSION_INVALID', `"${shown(text)}" in the ${source} is no version.`);
    }
    const before = match === 'floor' ? versions.floorOf(text) : undefined;
    if (before !== undefined) return byName.get(before)!;
    refusedTotal.unknown++;
    throw refusal('ERR_VERSION_UNKNOWN', `There is no version ${shown(text)}.`);
  }

  function conflict(one: Stated, other: Stated): ProblemError {
    refusedTotal.conflict++;
    return refusal(
      'ERR_VERSION_CONFLICT',
      `The ${one.source} asks for version ${shown(one.text)}, the ${other.source} for ${shown(other.text)}.`,
    );
  }

  function refusal(code: string, what: string): ProblemError {
    return new ProblemError({
      code,
      status: 400,
      detail: `${what} There are ${versions.names.join(', ')}.`,
      extensions: { versions: versions.names },
    });
  }

  function deprecatedUse(exchange: Exchange, { name, usage }: Served, ending: Ending): void {
    const nowAt = clock.now();
    const consumer =
      settings.consumer === undefined
        ? (exchange.peekPrincipal() ?? credentials.partOf(exchange, 'credentials'))
        : settings.consumer(exchange);
    usage.noteConsumer(consumer, nowAt);
    if (onDeprecated !== undefined) {
      callHook(() => onDeprecated(exchange, name), 'versioning onDeprecated', exchange);
    }
    const refused = refusalOf(name, latest, ending, nowAt, settings.afterSunset === 'gone');
    if (refused === undefined) return;
    refusedTotal[refused.status === 410 ? 'gone' : 'brownout']++;
    throw refused;
  }

  function tell(head: ResponseHead, name: string, ending: Ending | undefined): void {
    head.set(headerName, name);
    if (vary.length > 0) {
      if (head.has('Vary')) head.addToList('Vary', ...vary);
      else head.set('Vary', vary.join(', '));
    }
    if (ending === undefined) return;
    for (const [field, value] of ending.headers) head.set(field, value);
    for (const link of ending.links) head.append('Link', link);
  }

  function transform(value: unknown, exchange: Exchange, kind: ValueKind): unknown {
    const { served, url } = exchange.getState(key)!;
    // Whoever answers an error by res.json means the same as a problem document.
    const isError = kind === 'whole' && exchange.res.statusCode >= 400;
    const context = { exchange, version: served.name, kind: isError ? 'problem' : kind } as const;
    return downgrade(served.chain, url, value, context);
  }

  function upgrade(exchange: Exchange): void {
    const chosen = exchange.getState(key);
    if (chosen?.served.chain.changesRequests !== true) return;
    const { served, url } = chosen;
    const { req } = exchange;
    const context: ChangeContext = { exchange, version: served.name, kind: 'whole' };
    const { query } = req;
    const upgraded = upgradeQuery(served.chain, url, query, context);
    // Express 5 parses the query anew at each reading; what is defined on the request stays.
    if (upgraded !== query) {
      Object.defineProperty(req, 'query', { value: upgraded, configurable: true, writable: true });
    }
    if (req.body !== undefined) req.body = upgradeBody(served.chain, url, req.body, context);
  }

  const middleware = defineMiddleware({
    name: 'versioning',
    phase: 'shape',
    reason: 'the version is part of a cache key',
    step,
    stats: (): Stats => ({
      requestsTotal: Object.fromEntries(all.map(({ name, usage }) => [name, usage.requestsTotal])),
      refusedTotal: { ...refusedTotal },
    }),
  });
  const requests = defineMiddleware({
    name: 'versioning:requests',
    phase: 'read',
    after: ['body'],
    // Whoever compares requests, or checks them, has them as handlers do.
    before: ['dedup:idempotency'],
    reason: 'carries the parsed bodies of older clients up',
    step: upgrade,
  });
  return [
    Object.assign(middleware, {
      versions: versions.names,
      changelog: () => changelogOf(versions, settings.changes, endings),
      usage: () => all.map(({ usage }) => usage.snapshot()),
    }),
    requests,
  ];
}

function fallbackOf(
  { default: given }: Readonly<VersioningOptions>,
  versions: VersionList,
): string {
  if (given === 'latest' || given === 'oldest') return versions[given];
  const name = String(given);
  if (versions.placeOf(name) !== undefined) return name;
  throw new OptionError('versioning', [
    `option "default" must be "oldest", "latest" or one of ${versions.names.join(', ')}, but is "${name}".`,
  ]);
}

function endingsOf(
  { deprecated }: Readonly<VersioningOptions>,
  versions: VersionList,
): ReadonlyMap<string, Ending> {
  return new Map(
    Object.entries(deprecated).map(([name, given]) => {
      if (versions.placeOf(name) === undefined || name === versions.latest) {
        throw new OptionError('versioning', [
          `option "deprecated" names "${name}", which must be a version before the newest: one of ${versions.names.slice(0, -1).join(', ')}.`,
        ]);
      }
      return [name, endingOf(name, given)];
    }),
  );
}

/** The request headers that an answer depends on (RFC 9110 §12.5.5). */
function varyOf({
  sources,
  headerName,
  pin,
  pinHeaders,
}: Readonly<VersioningOptions>): readonly string[] {
  return [
    ...(sources.includes('header') ? [headerName] : []),
    ...(sources.includes('media-type') ? ['Accept'] : []),
    ...(pin === undefined ? [] : pinHeaders),
  ];
}

/** What a caller sent, as an answer may show it. */
function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
