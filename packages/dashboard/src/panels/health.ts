/** How every component is; of those that are not well, why, and whom they blame. */
import type { CheckState } from '../check-states.ts';
import { type Panel, table, type Tone, worst } from '../panel.ts';
import type { Sources } from '../sources.ts';

/** What a status is to people, the worst first. */
const STATUSES: ReadonlyMap<string, { readonly word: string; readonly tone: Tone }> = new Map([
  ['fail', { word: 'failing', tone: 'bad' }],
  ['warn', { word: 'degraded', tone: 'warn' }],
  ['unknown', { word: 'unknown', tone: 'warn' }],
  ['pass', { word: 'well', tone: 'good' }],
]);

export function health({ checks, state }: Sources): Panel | undefined {
  if (checks.length === 0) return undefined;
  const order = [...STATUSES.keys()];
  const count = (status: string): number =>
    checks.filter((check) => check.status === status).length;
  const well = checks.filter(({ status }) => status === 'pass').map(({ name }) => name);
  return {
    id: 'health',
    title: 'Health',
    wide: true,
    tone: worst(checks.map(toneOf)),
    note: well.length === 0 ? undefined : `Well: ${well.join(', ')}.`,
    facts: [
      ...(state === undefined
        ? []
        : [
            {
              label: 'Service',
              unit: 'text',
              value: state,
              tone: state === 'ready' ? undefined : 'warn',
            } as const,
          ]),
      { label: 'Well', unit: 'count', value: well.length },
      { label: 'Degraded', unit: 'count', value: count('warn') },
      { label: 'Failing', unit: 'count', value: count('fail') },
    ],
    tables: table(
      'Not well, the worst first',
      [
        { label: 'Component', unit: 'text' },
        { label: 'State', unit: 'text' },
        { label: 'Because of', unit: 'text' },
        { label: 'Detail', unit: 'text' },
      ],
      checks
        .filter(({ status }) => status !== 'pass')
        .toSorted((one, other) => order.indexOf(one.status) - order.indexOf(other.status))
        .map((check) => ({
          tone: toneOf(check),
          cells: [check.name, wordOf(check), check.causes, check.detail],
        })),
    ),
  };
}

/** What fails and is optional is a degradation, not an outage. */
function toneOf({ status, isCritical }: CheckState): Tone | undefined {
  return status === 'fail' && !isCritical ? 'warn' : STATUSES.get(status)?.tone;
}

function wordOf({ status, isCritical }: CheckState): string {
  const word = STATUSES.get(status)?.word ?? status;
  return isCritical ? word : `${word}, optional`;
}
