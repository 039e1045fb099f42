/**
 * A component is anything with a life: it may start, say how it is, show its
 * numbers, and close. `setup` drives that life; alone, its owner does.
 */

import type { Host } from './host.ts';

/**
 * Marks a value as a component; its value is the version of this contract. A
 * registered symbol, so that two copies of core, or an ESM and a CommonJS twin,
 * still understand each other.
 */
export const COMPONENT: unique symbol = Symbol.for('@org/component') as never;

/** How a component is, in the words of health checks. */
export type HealthStatus = 'pass' | 'warn' | 'fail';

/** A component's answer to "how are you?". */
export interface HealthReport {
  readonly status: HealthStatus;
  /** One line for the operator. Never shown to the public. */
  readonly detail?: string;
  /** Names of components that this one blames for its state. */
  readonly causes?: readonly string[];
}

/**
 * Numbers of a component. A name that ends in `Total` only ever grows; units end
 * the name (`Ms`, `Bytes`, `Ratio`). Nested objects group, strings describe.
 */
export interface Stats {
  readonly [name: string]: number | string | boolean | Stats | readonly Stats[] | undefined;
}

/** The life of a component; every part is optional but its name. */
export interface Lifecycle {
  /** Called once by a whole such as `setup`, before `start`. Never called for a component that stands alone. */
  attach?(host: Host): void;
  /** Called once, before the first request; rejecting stops the start of the whole. */
  start?(): void | Promise<void>;
  /** Says how the component is; must settle soon after `signal` aborts. */
  health?(signal: AbortSignal): HealthReport | Promise<HealthReport>;
  /** A snapshot of the component's numbers; cheap, and never a secret. */
  stats?(): Stats;
  /** Frees every handle. Idempotent. After `signal` aborts it must give up politely. */
  close?(signal?: AbortSignal): void | Promise<void>;
}

/** Something with a name and a life. */
export interface Component extends Lifecycle {
  readonly [COMPONENT]: 1;
  /** Unique within one `setup`. */
  readonly name: string;
}

/** Makes a component of a name and the parts of its life. */
export function defineComponent<T extends Lifecycle>(name: string, life: T): T & Component {
  return Object.assign(life, { [COMPONENT]: 1 as const, name });
}

/** Whether `value` speaks the component contract, whichever copy of core made it. */
export function isComponent(value: unknown): value is Component {
  return (
    (typeof value === 'function' || (typeof value === 'object' && value !== null)) &&
    (value as Partial<Component>)[COMPONENT] === 1
  );
}
