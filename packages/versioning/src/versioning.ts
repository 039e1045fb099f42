/**
 * Several versions of an API from handlers that know the newest one. It stands in the phase
 * `shape`, above the cache: the version is part of a cache key. What older clients send is
 * carried up in the phase `read`, behind the body parser; what they get is carried down as a
 * value, before it becomes text, errors and lines included.
 */
import {
  addressOf,
  Credentials,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  Listeners,
  type Middleware,
  OptionError,
  type Stages,
  stateKey,
  type Stats,
  type StepResult,
  type ValueKind,
} from '@org/core';
import type { RequestHandler } from 'express';

import { type Chain, chainsFor, type Passage, translate } from './chains.ts';
import { type Changelog, changelogHandler, changelogOf } from './changelog.ts';
import { Choosing, Misread } from './choosing.ts';
import { type Ending, endingOf, refusalOf } from './deprecation.ts';
import { VERSIONING_CHANNEL, type VersionRefusal } from './events.ts';
import { resolveVersioningOptions, type VersioningOptions } from './options.ts';
import { Telling } from './telling.ts';
import { Usage, type VersionUsage } from './usage.ts';
import { VersionList } from './version-list.ts';

/** The middleware, and what is known of the API's versions. */
export interface Versioning extends Middleware {
  /** Every version, oldest first. */
  readonly versions: readonly string[];
  /** What changed, newest first, from the changes themselves; as text it is Markdown. */
  changelog(): Changelog;
  /** A handler for a route such as `/versions`: answers with the changelog, as JSON or as Markdown. */
  readonly changelogHandler: RequestHandler;
  /** Who uses which version; by consumer as `countConsumers` has it. */
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

/** What is kept for one request. */
interface Chosen {
  readonly served: Served;
  /** Without the version; nothing where all routes have the same changes. */
  readonly address: string;
  /** Found when the first value asks for it, and the same for all lines of an answer. */
  passage: Passage | undefined;
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
  const { clock, countConsumers } = settings;
  const versions = new VersionList(settings.versions);
  const choosing = new Choosing(settings, versions);
  const chains = chainsFor(versions, settings.changes);
  const endings = endingsOf(settings, versions);
  const telling = new Telling(settings);
  const listeners = new Listeners(VERSIONING_CHANNEL, settings.onEvent, 'versioning onEvent');
  const credentials = new Credentials({
    credentialHeaders: settings.credentialHeaders,
    harmlessCookies: [],
  });
  const key = stateKey<Chosen>('versioning');
  const refusedTotal: Record<VersionRefusal, number> = {
    unknown: 0,
    invalid: 0,
    conflict: 0,
    brownout: 0,
    gone: 0,
  };

  const all: readonly Served[] = versions.names.map((name, place) => {
    const chain = chains[place]!;
    const ending = endings.get(name);
    const counted =
      countConsumers === 'all' || (countConsumers === 'deprecated' && ending !== undefined);
    const served: Served = {
      name,
      chain,
      ending,
      usage: new Usage(name, settings.maxConsumers),
      stages: defineStages({
        ...(chain.changesValues ? { transform } : {}),
        head(head, exchange) {
          telling.tell(head, name, ending);
          // Who is calling is known by now, where anybody has found out.
          if (counted || ending !== undefined) noteCaller(exchange, served, counted);
        },
      }),
    };
    return served;
  });
  const byName = new Map(all.map((served) => [served.name, served]));

  function step(exchange: Exchange): StepResult {
    if (exchange.getState(key) !== undefined) return undefined;
    const { version, url } = read(exchange);
    if (url !== exchange.req.url) exchange.req.url = url;
    if (version !== undefined) return enter(exchange, version);
    const name = choosing.unstated(exchange);
    if (typeof name === 'string') return enter(exchange, name);
    return name.then((late) => enter(exchange, late));
  }

  function read(exchange: Exchange): ReturnType<Choosing['read']> {
    try {
      return choosing.read(exchange.req);
    } catch (error) {
      if (error instanceof Misread) noteRefusal(exchange, error.reason);
      throw error;
    }
  }

  /** From here on the request is one of this version. */
  function enter(exchange: Exchange, name: string): void {
    const served = byName.get(name)!;
    exchange.setState(key, {
      served,
      address: served.chain.isRouted ? addressOf(exchange.req) : '',
      passage: undefined,
    });
    exchange.version = name;
    exchange.tap(served.stages);
    const nowAt = clock.now();
    // What a cache asks for by itself is nobody's use.
    if (!exchange.internal) served.usage.note(nowAt);
    if (served.ending === undefined) return;
    const refusal = refusalOf(
      name,
      versions.latest,
      served.ending,
      nowAt,
      settings.afterSunset === 'gone',
    );
    if (refusal === undefined) return;
    noteRefusal(exchange, refusal.status === 410 ? 'gone' : 'brownout');
    throw refusal;
  }

  function noteRefusal(exchange: Exchange, reason: VersionRefusal): void {
    refusedTotal[reason]++;
    if (listeners.listening) listeners.tell({ type: 'refused', reason, exchange });
  }

  function noteCaller(exchange: Exchange, served: Served, counted: boolean): void {
    if (exchange.internal || !(counted || listeners.listening)) return;
    const consumer =
      settings.consumer === undefined
        ? (exchange.peekPrincipal() ?? credentials.partOf(exchange, 'credentials'))
        : settings.consumer(exchange);
    if (counted && consumer !== undefined) served.usage.noteConsumer(consumer, clock.now());
    if (served.ending !== undefined && listeners.listening) {
      listeners.tell({ type: 'deprecated', version: served.name, consumer, exchange });
    }
  }

  function transform(value: unknown, exchange: Exchange, kind: ValueKind): unknown {
    const chosen = exchange.getState(key)!;
    const passage = passageOf(chosen);
    // Whoever answers an error by res.json means the same as a problem document.
    const isProblem = kind === 'problem' || (kind === 'whole' && exchange.res.statusCode >= 400);
    const way = isProblem ? passage.problem : passage.response;
    if (way.length === 0) return value;
    return translate(way, value, {
      exchange,
      version: chosen.served.name,
      kind: isProblem ? 'problem' : kind,
    });
  }

  function upgrade(exchange: Exchange): void {
    const chosen = exchange.getState(key);
    if (chosen?.served.chain.changesRequests !== true) return;
    const passage = passageOf(chosen);
    const context = { exchange, version: chosen.served.name, kind: 'whole' } as const;
    const { req } = exchange;
    if (passage.query.length > 0) {
      // Express 5 parses the query anew at each reading; what is defined on the request stays.
      Object.defineProperty(req, 'query', {
        value: translate(passage.query, req.query, context),
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
    if (passage.body.length > 0 && req.body !== undefined) {
      req.body = translate(passage.body, req.body, context);
    }
  }

  const log = changelogOf(versions, settings.changes, endings);
  const middleware = defineMiddleware({
    name: 'versioning',
    phase: 'shape',
    // The innermost shapes first: fields and names are chosen from what clients of the version know.
    after: ['transform'],
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
      changelog: () => log,
      changelogHandler: changelogHandler(log),
      usage: () => all.map(({ usage }) => usage.snapshot()),
    }),
    requests,
  ];
}

function passageOf(chosen: Chosen): Passage {
  return (chosen.passage ??= chosen.served.chain.passageAt(chosen.address));
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
