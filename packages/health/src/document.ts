/**
 * The detailed answer, in the words of the expired IETF draft "Health Check Response
 * Format for HTTP APIs" (draft-inadarei-api-health-check-06). The draft knows no
 * `unknown`; it is shown as what it amounts to, with the true state beside it.
 */
import type { HealthStatus } from '@org/core';

import type { Judged } from './monitor.ts';
import { groupStatus } from './verdict.ts';

/** Media type of health documents (draft §3). */
export const HEALTH_JSON = 'application/health+json';

/** The document of all checks, as text. */
export function healthDocument(
  status: HealthStatus,
  judged: readonly Judged[],
  about: Readonly<Record<string, string>>,
  more: Readonly<Record<string, unknown>>,
): string {
  const checks: Record<string, unknown[]> = {};
  // Keys are `component:measurement`, values are lists (draft §4).
  for (const one of judged) checks[`${one.check.name}:responseTime`] = [checkMember(one)];
  const blamed = judged.filter((one) => one.causes.length > 0 && one.status !== 'pass');
  const notes = blamed.map(
    (one) => `${one.check.name} is ${wordOf(one)} because of ${one.causes.join(', ')}`,
  );
  return JSON.stringify({
    ...about,
    status,
    ...more,
    ...(notes.length > 0 ? { notes } : {}),
    checks,
  });
}

function checkMember(one: Judged): Record<string, unknown> {
  const { check, critical, status, causes } = one;
  const { resultAt, detail, settings } = check;
  return {
    componentId: check.name,
    status: groupStatus([{ status, critical: critical || status !== 'unknown' }]),
    ...(status === 'unknown' ? { state: 'unknown' } : {}),
    ...(resultAt === undefined
      ? {}
      : {
          time: new Date(resultAt).toISOString(),
          observedValue: Math.round(check.durationMs * 1000) / 1000,
          observedUnit: 'ms',
        }),
    critical,
    groups: settings.groups,
    // Output is left out where all is well (draft §4.8).
    ...(status !== 'pass' && detail !== undefined ? { output: detail } : {}),
    ...(causes.length > 0 && status !== 'pass' ? { causes } : {}),
  };
}

function wordOf({ status }: Judged): string {
  if (status === 'fail') return 'down';
  return status === 'warn' ? 'degraded' : 'unknown';
}
