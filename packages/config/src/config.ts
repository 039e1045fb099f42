/**
 * A configuration that has been read and found good: frozen, typed, each value with
 * its origin. Printing it, or turning it into JSON, shows no secret.
 */
import { inspect } from 'node:util';
import { isComponent, nearest } from '@org/core';

import { type KnownComponent, priorityOf, switchOf } from './components.ts';
import type { Resolved } from './resolve-values.ts';
import type { Settings } from './setting.ts';
import type { StandardOptions } from './settings.ts';
import type { Origin } from './sources.ts';
import { type TableRow, tableRows } from './table.ts';
import { type ConfigWarning, dangers } from './warnings.ts';

/** What `setup` takes from the configuration. */
export interface SetupSettings {
  /** Names of assembled components that somebody switched off. */
  readonly disabled: readonly string[];
  /** Priorities that somebody gave, by name. */
  readonly priorities: Readonly<Record<string, number>>;
  readonly allowHeavy: boolean;
  readonly monitoring?: string;
}

/** A configuration; `loadConfig` makes it. */
export class Config<V extends object = Readonly<Record<string, unknown>>> {
  /** Every value by its environment name, in the setting's own unit. */
  readonly values: V;
  /** What works, and probably not as meant. */
  readonly warnings: readonly ConfigWarning[];
  readonly #settings: Settings;
  readonly #resolved: Resolved;
  readonly #components: ReadonlyMap<string, KnownComponent>;

  /** @internal */
  constructor(
    settings: Settings,
    components: readonly KnownComponent[],
    resolved: Resolved,
    warnings: readonly ConfigWarning[],
    production: boolean,
  ) {
    this.#settings = settings;
    this.#resolved = resolved;
    this.#components = new Map(components.map((one) => [one.name, one]));
    this.values = resolved.values as V;
    this.warnings = Object.freeze([
      ...warnings,
      ...dangers({
        values: resolved.values,
        components,
        isEnabled: (name) => this.isEnabled(name),
        production,
      }),
    ]);
    Object.defineProperty(this, inspect.custom, { value: () => this.toJSON() });
    Object.freeze(this);
  }

  /** Where a value came from. @throws TypeError for a name that is no setting */
  origin(name: keyof V & string): Origin {
    const origin = this.#resolved.origins.get(name);
    if (origin === undefined) throw unknown('setting', name, Object.keys(this.#settings));
    return origin;
  }

  /**
   * The options that the settings become for a component, in the options' own units: `CACHE_TTL=300`
   * is `{ ttlMs: 300_000 }`. Settings without a value are left out. @throws TypeError for an unknown component
   */
  options<C extends string>(
    component: C,
  ): C extends keyof StandardOptions ? StandardOptions[C] : Readonly<Record<string, unknown>> {
    this.#check(component);
    const options: Record<string, unknown> = {};
    for (const [name, { feeds = [] }] of Object.entries(this.#settings)) {
      const value = this.#resolved.values[name];
      for (const feed of feeds) {
        if (feed.component !== component || value === undefined) continue;
        options[feed.option] = typeof value === 'number' ? value * (feed.factor ?? 1) : value;
      }
    }
    return Object.freeze(options) as never;
  }

  /** Whether a component takes part: its own switch, those that gate it, and the one for what is heavy. @throws TypeError */
  isEnabled(component: string): boolean {
    const known = this.#component(component);
    const { values } = this.#resolved;
    if (values[switchOf(component)] !== true) return false;
    if (known.heavy === true && values['ENABLE_HEAVY_MIDDLEWARE'] !== true) return false;
    return this.#gatesOf(component).every((name) => values[name] === true);
  }

  /** Whether components are loaded when they are needed: what the catalogue of `@org/setup` asks. */
  get lazy(): boolean {
    return this.#resolved.values['LAZY_LOAD_MIDDLEWARE'] === true;
  }

  /** The priority that somebody gave a component; `undefined` leaves it its own. @throws TypeError */
  priority(component: string): number | undefined {
    this.#component(component);
    return this.#resolved.values[priorityOf(component)] as number | undefined;
  }

  /**
   * What `setup` takes: `setup(app, parts, config.setupOptions(parts))`. Only components among
   * `parts` are named. Of those, a switch that is off by default switches nothing off: who
   * assembles a component wants it, until somebody says otherwise.
   */
  setupOptions(parts: readonly unknown[]): SetupSettings {
    const names = parts.flat(Infinity).flatMap((part) => (isComponent(part) ? [part.name] : []));
    const known = names.flatMap((name) => {
      // Several middlewares of one package are named `package:part`.
      const component = this.#components.get(name) ?? this.#components.get(name.split(':')[0]!);
      return component === undefined ? [] : [{ name, component: component.name }];
    });
    return Object.freeze({
      ...this.options('setup'),
      disabled: Object.freeze(
        known.flatMap(({ name, component }) => (this.#isSwitchedOff(component) ? [name] : [])),
      ),
      priorities: Object.freeze(
        Object.fromEntries(
          known.flatMap(({ name, component }) => {
            const priority = this.priority(component);
            return priority === undefined ? [] : [[name, priority]];
          }),
        ),
      ),
    });
  }

  /** Every setting with its value, masked if it is secret, and its origin. */
  table(): readonly TableRow[] {
    return tableRows(this.#settings, this.#resolved);
  }

  toJSON(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.table().map(({ name, value }) => [name, value]));
  }

  /** Somebody said `false`; the default's `false` only means that nobody said `true`. */
  #isSwitchedOff(component: string): boolean {
    return [switchOf(component), ...this.#gatesOf(component)].some(
      (name) =>
        this.#resolved.values[name] === false &&
        this.#resolved.origins.get(name)?.layer !== 'default',
    );
  }

  #gatesOf(component: string): readonly string[] {
    return Object.keys(this.#settings).filter(
      (name) => this.#settings[name]!.gates?.includes(component) === true,
    );
  }

  #component(name: string): KnownComponent {
    const component = this.#components.get(name);
    if (component === undefined) throw unknown('component', name, [...this.#components.keys()]);
    return component;
  }

  #check(component: string): void {
    if (this.#components.has(component)) return;
    const fed = Object.values(this.#settings).flatMap(({ feeds = [] }) =>
      feeds.map((feed) => feed.component),
    );
    if (fed.includes(component)) return;
    throw unknown('component', component, [...this.#components.keys(), ...fed]);
  }
}

function unknown(what: string, name: string, known: readonly string[]): TypeError {
  const guess = nearest(name, known);
  return new TypeError(
    `config: there is no ${what} "${name}".${guess === undefined ? '' : ` Did you mean "${guess}"?`}`,
  );
}
