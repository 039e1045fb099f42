/**
 * All checks of one instance: those that were configured, and one for every
 * component that can say how it is. Keeps them running from start to stop, and
 * answers what a group amounts to.
 */
import type { Cancel, Component, HealthStatus, Host } from '@org/core';
import { callHook, OptionError, report } from '@org/core';

import { type CheckFunction, type CheckStatus, type OnCheckChange, WatchedCheck } from './check.ts';
import { CHECK_NAME, type CheckSpec, checkSettings, type HealthOptions } from './options.ts';
import { cycleIn, groupStatus, type Verdict, verdicts } from './verdict.ts';

/** Checks of one instance, at most. */
const MAX_CHECKS = 1000;
/** How often a whole that is starting is looked at: its components are asked once it has started. */
const STARTING_MS = 50;

/** A check with its verdict. */
export interface Judged extends Verdict {
  readonly check: WatchedCheck;
  readonly critical: boolean;
}

/** The checks of one instance. */
export class Monitor {
  private readonly options: Readonly<HealthOptions>;
  private readonly checks: Map<string, WatchedCheck> = new Map();
  /** Which checks came from which component, so that they go with it. */
  private readonly joined: Map<Component, WatchedCheck> = new Map();
  /** Components that cannot be checked, such as by their name. */
  private readonly refused: WeakSet<Component> = new WeakSet();
  private readonly self: () => Component;
  private host: Host | undefined;
  private cancelWatch: Cancel | undefined;
  private state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: Readonly<HealthOptions>, self: () => Component) {
    this.options = options;
    this.self = self;
    for (const [name, spec] of Object.entries(options.checks)) this.create(name, spec);
    this.refuseCycles();
    this.refuseComponents();
  }

  attach(host: Host): void {
    this.host = host;
  }

  get hostState(): Host['state'] | undefined {
    return this.host?.state;
  }

  /** Starts every check. Idempotent. */
  start(): void {
    if (this.state !== 'new') return;
    this.state = 'running';
    for (const check of this.checks.values()) void check.run();
    this.watch();
  }

  /** @throws OptionError for a dependency that nobody is */
  refuseStrangers(): void {
    const components = this.members().map(({ name }) => name);
    for (const [name, { settings }] of this.checks) {
      const stranger = settings.dependsOn.find(
        (needed) => !this.checks.has(needed) && !components.includes(needed),
      );
      if (stranger === undefined) continue;
      throw new OptionError('health', [
        `check "${name}" depends on "${stranger}", which is neither a check nor a component that tells its health; ` +
          `there are ${[...this.checks.keys(), ...components].join(', ')}.`,
      ]);
    }
  }

  stop(): void {
    this.state = 'stopped';
    this.cancelWatch?.();
    for (const check of this.checks.values()) check.stop();
  }

  /** Adds a check; the answer takes it away again. */
  add(name: string, spec: CheckFunction | CheckSpec): () => void {
    const check = this.create(name, spec);
    try {
      this.refuseCycles();
    } catch (error) {
      this.checks.delete(name);
      throw error;
    }
    if (this.state === 'running') void check.run();
    return () => this.remove(check);
  }

  /** Every group that a check is in. */
  groups(): readonly string[] {
    return [...this.checks.values()].flatMap(({ settings }) => settings.groups);
  }

  /** Runs every check now; resolves when all have settled. */
  async refresh(): Promise<void> {
    this.start();
    if (this.state !== 'running') return;
    this.reconcile();
    await Promise.all([...this.checks.values()].map((check) => check.run()));
  }

  /** Every check with its verdict, dependencies included. */
  judge(): readonly Judged[] {
    if (this.checks.size === 0) return [];
    const checks = [...this.checks.values()];
    const byName = verdicts(
      checks.map(({ name, status, blames, settings: { critical, dependsOn } }) => ({
        name,
        status,
        blames,
        critical,
        dependsOn,
      })),
    );
    return checks.map((check) => ({
      check,
      critical: check.settings.critical,
      ...byName.get(check.name)!,
    }));
  }

  /** What a group amounts to. */
  statusOf(group: string): HealthStatus {
    // A component that came just now counts, even if it has not been asked yet.
    this.reconcile();
    return groupStatus(this.judge().filter(({ check }) => check.settings.groups.includes(group)));
  }

  status(name: string): CheckStatus | undefined {
    return this.judge().find(({ check }) => check.name === name)?.status;
  }

  /** Lets checks of components come and go with them, as a whole switches them on and off. */
  private reconcile(): void {
    if (this.state !== 'running' || this.hostState === 'starting') return;
    const members = new Set(this.members());
    for (const [component, check] of this.joined) {
      if (members.has(component)) continue;
      this.joined.delete(component);
      this.remove(check);
    }
    for (const component of members) if (!this.joined.has(component)) this.join(component);
  }

  /** Looks again and again, because a whole does not tell when its components change. */
  private readonly watch = (): void => {
    this.reconcile();
    if (this.state !== 'running' || this.host === undefined) return;
    const againMs = this.hostState === 'starting' ? STARTING_MS : this.options.intervalMs;
    this.cancelWatch = this.options.clock.after(againMs, this.watch);
  };

  /** A component of the whole that cannot join is told of once; it must not cost a probe its answer. */
  private join(component: Component): void {
    const { name } = component;
    if (this.checks.has(name) || this.refused.has(component)) return;
    try {
      const check = this.create(name, {
        run: (signal) => component.health!(signal),
        critical: !this.options.optional.includes(name),
      });
      this.joined.set(component, check);
      void check.run();
    } catch (error) {
      this.refused.add(component);
      report(error, 'health component');
    }
  }

  /** Components that can say how they are, save this one. */
  private members(): readonly Component[] {
    const all = [...this.options.components, ...(this.host?.components() ?? [])];
    const self = this.self();
    return all.filter(
      (one) => one !== self && typeof one.health === 'function' && one.name !== self.name,
    );
  }

  private create(name: string, spec: CheckFunction | CheckSpec): WatchedCheck {
    if (this.checks.has(name) || this.checks.size >= MAX_CHECKS) {
      throw new OptionError('health', [
        this.checks.has(name)
          ? `there is a check "${name}" already; give the other one another name.`
          : `there are ${MAX_CHECKS} checks already; remove one before adding "${name}".`,
      ]);
    }
    const settings = checkSettings(name, spec, this.options);
    const check = new WatchedCheck(name, settings, this.options.clock, this.tell);
    this.checks.set(name, check);
    return check;
  }

  private remove(check: WatchedCheck): void {
    check.stop();
    if (this.checks.get(check.name) === check) this.checks.delete(check.name);
  }

  /** Those that were given, unlike those of a whole, are known at construction. */
  private refuseComponents(): void {
    const names = new Set<string>();
    for (const { name } of this.options.components) {
      if (!CHECK_NAME.accepts(name)) {
        throw new OptionError('health', [
          `a component of "components" must have ${CHECK_NAME.expected}, but is called ${JSON.stringify(name)}.`,
        ]);
      }
      if (names.has(name) || this.checks.has(name)) {
        throw new OptionError('health', [
          `"components" has "${name}", but there is ${names.has(name) ? 'another component' : 'a check'} of that name; give one another name.`,
        ]);
      }
      names.add(name);
    }
  }

  private refuseCycles(): void {
    const cycle = cycleIn(
      new Map([...this.checks].map(([name, { settings }]) => [name, settings.dependsOn])),
    );
    if (cycle === undefined) return;
    throw new OptionError('health', [
      `checks depend on each other in a circle (${cycle.join(' → ')}); take one dependsOn away.`,
    ]);
  }

  private readonly tell: OnCheckChange = (name, from, to) => {
    callHook(() => this.options.onChange?.(name, from, to), 'health onChange');
  };
}
