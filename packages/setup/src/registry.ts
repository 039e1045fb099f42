/**
 * The components of a stack and their order: who is there, who is switched on, and
 * the pipeline compiled from it. A change compiles a new pipeline and swaps it
 * whole; a request under way keeps the one it started with.
 */
import {
  type Component,
  type Exchange,
  isComponent,
  isMiddleware,
  type Middleware,
  nearest,
  type Traffic,
} from '@org/core';

import { explain, type Explanation } from './explain.ts';
import { compileLastAnswer, type LastAnswer } from './last-answers.ts';
import { isLazy } from './lazy.ts';
import type { Inside } from './monitoring.ts';
import { checkRequires, type Placed, resolveOrder } from './order.ts';
import { type Applies, compile, type Pipeline, type Surroundings } from './pipeline.ts';
import { compileScope } from './route-scope.ts';
import { SetupError } from './setup-error.ts';
import type { ResolvedSetupOptions } from './setup-options.ts';
import { MiddlewareTraffic } from './traffic.ts';
import { UPGRADE_PHASES } from './upgrade.ts';

/** Components as a caller lists them; a factory may return several. */
export type Parts = readonly (Component | Parts)[];

/** @internal */
export class Registry implements Inside, Surroundings {
  readonly middlewares: readonly Middleware[];
  pipeline: Pipeline = (_exchange, done) => done();
  /** The part of it that requests for another protocol go through. */
  upgradePipeline: Pipeline = this.pipeline;
  /** Answers what nobody answered. */
  lastAnswer: LastAnswer = compileLastAnswer([]);
  private readonly all: readonly Component[];
  private readonly scopes: ReadonlyMap<string, ReturnType<typeof compileScope>>;
  private readonly off: Set<string>;
  private readonly priorities: Record<string, number | undefined>;
  private placed: readonly Placed[] = [];
  private readonly trafficByName = new Map<string, MiddlewareTraffic>();
  private readonly timed = new Set<(exchange: Exchange) => boolean>();

  constructor(
    parts: Parts,
    options: ResolvedSetupOptions,
    monitoring: (inside: Inside) => Middleware,
  ) {
    const given = flatten(parts);
    this.all = options.monitored ? [...given, monitoring(this)] : given;
    this.middlewares = this.all.filter(isMiddleware);
    this.checkNames(options);
    this.scopes = new Map(
      this.middlewares.map(({ name }) => [name, compileScope(name, options.routes[name])]),
    );
    const heavy = this.middlewares.filter((one) => one.heavy === true && !options.allowHeavy);
    this.off = new Set([...options.disabled, ...heavy.map(({ name }) => name)]);
    this.priorities = { ...options.priorities };
    this.compile();
  }

  /** Middlewares that are switched on. */
  get active(): readonly Middleware[] {
    return this.middlewares.filter(({ name }) => !this.off.has(name));
  }

  /** Components in use: those that are switched on, and those that are no middleware. */
  components(): readonly Component[] {
    return this.all.filter(({ name }) => !this.off.has(name));
  }

  explain(): Explanation {
    return explain(this.placed, (name) => {
      if (this.off.has(name)) return 'off';
      const one = this.named(name);
      return isLazy(one) && one.loaded() === undefined ? 'lazy' : 'on';
    });
  }

  switch(name: string, on: boolean): void {
    this.named(name);
    const before = this.off.has(name);
    if (on) this.off.delete(name);
    else this.off.add(name);
    try {
      this.compile();
    } catch (error) {
      if (before) this.off.add(name);
      else this.off.delete(name);
      throw error;
    }
  }

  reorder(name: string, priority: number): void {
    this.named(name);
    if (!Number.isInteger(priority)) {
      throw new SetupError(`the priority of "${name}" must be a whole number, but is ${priority}.`);
    }
    this.priorities[name] = priority;
    this.compile();
  }

  /** Resolves the order anew and swaps the pipeline. */
  compile(): void {
    checkRequires(this.components(), this.off);
    this.placed = resolveOrder(this.middlewares, this.priorities);
    const running = this.placed
      .filter(({ middleware }) => !this.off.has(middleware.name))
      .map(({ middleware }) =>
        isLazy(middleware) ? (middleware.loaded() ?? middleware) : middleware,
      );
    this.lastAnswer = compileLastAnswer(running);
    this.pipeline = compile(running, this);
    this.upgradePipeline = compile(
      running.filter(({ phase }) => UPGRADE_PHASES.has(phase)),
      this,
    );
  }

  appliesTo(name: string): Applies | undefined {
    return this.scopes.get(name);
  }

  trafficOf({ name, phase }: Middleware): MiddlewareTraffic {
    let traffic = this.trafficByName.get(name);
    if (traffic === undefined) {
      traffic = new MiddlewareTraffic(name, phase);
      this.trafficByName.set(name, traffic);
    }
    return traffic;
  }

  traffic(): readonly Traffic[] {
    return this.placed
      .filter(({ middleware }) => !this.off.has(middleware.name))
      .map(({ middleware }) => this.trafficOf(middleware));
  }

  wantsTimeline(exchange: Exchange): boolean {
    // Each is asked, whatever the others said: they may count.
    let wanted = false;
    for (const wants of this.timed) if (wants(exchange)) wanted = true;
    return wanted;
  }

  timeRequests(wanted: (exchange: Exchange) => boolean): () => void {
    this.timed.add(wanted);
    return () => this.timed.delete(wanted);
  }

  private named(name: string): Middleware {
    const found = this.middlewares.find((one) => one.name === name);
    if (found !== undefined) return found;
    throw unknownName(name, this.middlewares);
  }

  private checkNames({ disabled, priorities, routes }: ResolvedSetupOptions): void {
    const seen = new Set<string>();
    for (const { name } of this.all) {
      if (seen.has(name)) {
        throw new SetupError(
          `there are two components named "${name}". Remove one, or give it a name of its own.`,
        );
      }
      seen.add(name);
    }
    for (const name of [...disabled, ...Object.keys(priorities), ...Object.keys(routes)]) {
      if (!this.middlewares.some((one) => one.name === name))
        throw unknownName(name, this.middlewares);
    }
  }
}

function flatten(parts: Parts): readonly Component[] {
  const flat = (parts as readonly unknown[]).flat(Infinity);
  for (const [at, part] of flat.entries()) {
    if (isComponent(part)) continue;
    const what =
      typeof part === 'function'
        ? `a plain handler${part.name === '' ? '' : ` (${part.name})`}`
        : typeof part;
    throw new SetupError(
      `component ${at + 1} is ${what}, and has no place in the order. Give it one: defineMiddleware({ name, phase, handle }) from @org/core.`,
    );
  }
  return flat as readonly Component[];
}

function unknownName(name: string, known: readonly Middleware[]): SetupError {
  const names = known.map((one) => one.name);
  const guess = nearest(name, names);
  return new SetupError(
    `there is no middleware named "${name}"${guess === undefined ? `; there are ${names.join(', ')}.` : `; did you mean "${guess}"?`}`,
  );
}
