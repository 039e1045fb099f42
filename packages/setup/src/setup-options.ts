/** What may be said about a stack as a whole. */
import {
  clockCheck,
  boolean,
  type Check,
  type Clock,
  durationMs,
  either,
  type Given,
  integer,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { Priorities } from './order.ts';
import type { RouteScope } from './route-scope.ts';
import { SERVER_DEFAULTS, type ServerSettings } from './server.ts';

/** Options of `setup`. */
export interface SetupOptions {
  /** Names of middlewares that start switched off. @default [] */
  readonly disabled: readonly string[];
  /** Priorities that replace the middlewares' own, by name. @default {} */
  readonly priorities: Priorities;
  /** Requests that each middleware sees, by name. @default all */
  readonly routes: Readonly<Record<string, RouteScope>>;
  /** Whether components that declare themselves heavy take part. @default false */
  readonly allowHeavy: boolean;
  /** The monitoring routes: a token or a decision, in place of loopback; `false` leaves them out. @default loopback only */
  readonly monitoring: MonitoringAccess | false | undefined;
  /** How long each component may take to start, in ms. @default 10_000 */
  readonly startTimeoutMs: number;
  /** How long each component may take to close, in ms. @default 5_000 */
  readonly closeTimeoutMs: number;
  /** How `listen` treats connections. */
  readonly server: Given<ServerSettings>;
  /** Whether `setup` mounts the stack on the app at once. @default true */
  readonly mount: boolean;
  /** @default the machine's clock */
  readonly clock: Clock;
}

export const SETUP_DEFAULTS: SetupOptions = Object.freeze({
  disabled: [],
  priorities: {},
  routes: {},
  allowHeavy: false,
  monitoring: undefined,
  startTimeoutMs: 10_000,
  closeTimeoutMs: 5_000,
  server: SERVER_DEFAULTS,
  mount: true,
  clock: systemClock,
});

/** Options as the stack works with them. */
export type ResolvedSetupOptions = Omit<SetupOptions, 'server' | 'monitoring'> & {
  readonly server: ServerSettings;
  readonly monitoring: MonitoringAccess | undefined;
  readonly monitored: boolean;
};

/** @throws OptionError */
export function resolveSetupOptions(given: Given<SetupOptions> | undefined): ResolvedSetupOptions {
  const { monitoring, server, ...rest } = resolveOptions('setup', SETUP_DEFAULTS, CHECKS, given);
  return {
    ...rest,
    server: resolveOptions('setup server', SERVER_DEFAULTS, SERVER_CHECKS, server),
    monitoring: monitoring === false ? undefined : monitoring,
    monitored: monitoring !== false,
  };
}

const anObject: Check<object> = shape<object>('an object', []);

const CHECKS = {
  disabled: listOf(text()),
  priorities: recordOf(integer()),
  routes: recordOf(anObject as Check<RouteScope>),
  allowHeavy: boolean(),
  monitoring: either(monitoringAccess, oneOf(false)),
  startTimeoutMs: durationMs({ min: 1 }),
  closeTimeoutMs: durationMs({ min: 1 }),
  server: anObject as Check<Given<ServerSettings>>,
  mount: boolean(),
  clock: clockCheck,
};

const SERVER_CHECKS = {
  keepAliveTimeoutMs: durationMs(),
  headersTimeoutMs: durationMs({ min: 1 }),
  requestTimeoutMs: durationMs({ min: 1 }),
  checkIntervalMs: durationMs({ min: 1 }),
  messageClasses: oneOf('express', 'node'),
};
