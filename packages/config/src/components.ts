/**
 * The components that the environment can switch and move. The table has two rows
 * for each, `ENABLE_<NAME>` and `<NAME>_PRIORITY`, made from this list.
 */
import { type Phase, PHASES } from '@org/core';

import type { BooleanSetting, NumberSetting } from './setting.ts';

/** A component as the configuration knows it. */
export interface KnownComponent {
  readonly name: string;
  /** Where it stands; absent for a component that is no middleware. */
  readonly phase?: Phase;
  /** Its own priority, which `<NAME>_PRIORITY` replaces. @default 50 */
  readonly priority?: number;
  /** Whether it takes part when nobody says so. @default true */
  readonly enabled?: boolean;
  /** Takes part only while `ENABLE_HEAVY_MIDDLEWARE` is on, too. @default false */
  readonly heavy?: boolean;
  /** Finds out who is calling: what stands before it cannot know. @default false */
  readonly authenticates?: boolean;
}

/**
 * The components of the house. What needs a server, a schema or handlers of yours
 * is off until you ask for it, and so is what is for development only.
 */
export const COMPONENTS = [
  { name: 'early-return', phase: 'edge' },
  { name: 'shutdown', phase: 'edge' },
  { name: 'health', phase: 'edge' },
  { name: 'dashboard', phase: 'edge', enabled: false },
  { name: 'correlation', phase: 'context' },
  { name: 'timeout', phase: 'context' },
  { name: 'retry', phase: 'context' },
  { name: 'logging', phase: 'observe' },
  { name: 'metrics', phase: 'observe' },
  { name: 'analytics', phase: 'observe', priority: 30 },
  { name: 'profiler', phase: 'observe', heavy: true },
  { name: 'security', phase: 'protect' },
  { name: 'rate-limit', phase: 'protect', priority: 60 },
  { name: 'versioning', phase: 'shape', enabled: false },
  { name: 'transform', phase: 'shape', enabled: false },
  { name: 'compression', phase: 'shape' },
  { name: 'openapi', phase: 'shape', priority: 90, enabled: false },
  { name: 'cache', phase: 'reuse' },
  { name: 'dedup', phase: 'reuse' },
  { name: 'queue', phase: 'admit' },
  { name: 'circuit' },
  { name: 'di', phase: 'session', enabled: false },
  { name: 'db', phase: 'session', enabled: false },
  { name: 'query', enabled: false },
  { name: 'batch', phase: 'session' },
  { name: 'tasks', enabled: false },
  { name: 'websocket', enabled: false },
  { name: 'devtools', enabled: false, heavy: true },
  { name: 'errors', phase: 'recover' },
] as const;

/** The name of a component of the house. */
export type ComponentName = (typeof COMPONENTS)[number]['name'];

/** `rate-limit` as the environment writes it: `RATE_LIMIT`. */
export type EnvironmentName<N extends string> = N extends `${infer A}-${infer B}`
  ? `${Uppercase<A>}_${EnvironmentName<B>}`
  : Uppercase<N>;

/** The values of the rows made from a list of components. */
export type SwitchValues<N extends string> = {
  readonly [K in N as `ENABLE_${EnvironmentName<K>}`]: boolean;
} & { readonly [K in N as `${EnvironmentName<K>}_PRIORITY`]: number | undefined };

/** Rows for switches and priorities, by environment name. */
export type SwitchSettings = Readonly<Record<string, BooleanSetting | NumberSetting>>;

/** `rate-limit` as the environment writes it: `RATE_LIMIT`. */
export function environmentName(component: string): string {
  return component.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase();
}

/** The name of a component's switch. */
export function switchOf(component: string): string {
  return `ENABLE_${environmentName(component)}`;
}

/** The name of a component's priority. */
export function priorityOf(component: string): string {
  return `${environmentName(component)}_PRIORITY`;
}

/** The two rows of every component. */
export function switchSettings(components: readonly KnownComponent[]): SwitchSettings {
  return Object.fromEntries(
    components.flatMap(({ name, enabled = true, heavy = false }) => [
      [
        switchOf(name),
        {
          type: 'boolean',
          default: enabled,
          help: `Whether ${name} takes part${heavy ? ', with ENABLE_HEAVY_MIDDLEWARE' : ''}.`,
        },
      ],
      [
        priorityOf(name),
        {
          type: 'integer',
          min: -1_000_000,
          max: 1_000_000,
          help: `Place of ${name} within its phase, lower first; its own when absent.`,
        },
      ],
    ]),
  ) as SwitchSettings;
}

/** Where a component stands among all, for comparing; the phase decides before the priority. */
export function placeOf(
  component: KnownComponent,
  priority: number | undefined,
): readonly [phase: number, priority: number] | undefined {
  if (component.phase === undefined) return undefined;
  return [PHASES.indexOf(component.phase), priority ?? component.priority ?? 50];
}
