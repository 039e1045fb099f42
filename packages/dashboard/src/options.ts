/** The options of the dashboard, their defaults and their checks. */
import {
  type Checks,
  type Clock,
  clockCheck,
  type Component,
  durationMs,
  integer,
  isComponent,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  OptionError,
  systemClock,
  text,
} from '@org/core';

/** What the dashboard can be told. */
export interface DashboardOptions {
  /** Where the page is; all that it needs lies below. @default "/dashboard" */
  path: string;
  /** What the page is called. @default "Dashboard" */
  title: string;
  /** Who is let in, in place of callers from loopback: a token, which browsers sign in with, or a decision. @default none */
  access: MonitoringAccess | undefined;
  /** Components to show; under `setup` those of the whole are shown besides. @default [] */
  components: readonly Component[];
  /** Pause between two samples while somebody watches, in ms. @default 1000 */
  intervalMs: number;
  /** Pause between two samples while nobody watches, in ms; 0 takes none. @default 10000 */
  idleIntervalMs: number;
  /** How far back the charts go, in ms. @default 900000 */
  historyMs: number;
  /** Tabs that may be open at once. @default 20 */
  maxTabs: number;
  /** How long a browser stays signed in, in ms. @default 28800000 */
  sessionMs: number;
  /** Source of time. @default the machine's */
  clock: Clock;
}

export const DASHBOARD_DEFAULTS: Readonly<DashboardOptions> = Object.freeze<DashboardOptions>({
  path: '/dashboard',
  title: 'Dashboard',
  access: undefined,
  components: Object.freeze([]),
  intervalMs: 1000,
  idleIntervalMs: 10_000,
  historyMs: 15 * 60_000,
  maxTabs: 20,
  sessionMs: 8 * 3_600_000,
  clock: systemClock,
});

export const DASHBOARD_CHECKS: Checks<DashboardOptions> = Object.freeze<Checks<DashboardOptions>>({
  // Compared byte by byte, so nothing that a client may write in two ways is let in.
  path: text({
    expected: 'a path of plain segments, such as "/dashboard"',
    pattern: /^(?:\/[\w.~-]+)+$/,
  }),
  title: text({ expected: 'a title of 1 to 80 characters', pattern: /^.{1,80}$/ }),
  access: monitoringAccess,
  components: listOf<Component>({ expected: 'a component', accepts: isComponent }),
  // Every sample is a sign of life as well: slower ones would let proxies cut the stream.
  intervalMs: durationMs({ min: 250, max: 15_000 }),
  idleIntervalMs: durationMs(),
  // The page shows no more.
  historyMs: durationMs({ min: 10_000, max: 900_000 }),
  maxTabs: integer({ min: 1, max: 1000 }),
  sessionMs: durationMs({ min: 60_000 }),
  clock: clockCheck,
});

/** @throws OptionError where nobody watching would cost more than somebody watching */
export function refuseIdle({ intervalMs, idleIntervalMs }: Readonly<DashboardOptions>): void {
  if (idleIntervalMs === 0 || idleIntervalMs >= intervalMs) return;
  throw new OptionError('dashboard', [
    `option "idleIntervalMs" must be 0 or at least "intervalMs", which is ${intervalMs}, but is ${idleIntervalMs}.`,
  ]);
}
