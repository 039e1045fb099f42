/** What was measured, as lines of a Markdown table. */
import { quantile, type Sample } from './load.ts';
import type { OnceSettings, Tally } from './once.ts';
import type { Outcome } from './trial.ts';

export const HEADING: string = [
  '| fault | user | requests | not as usual | p50, p99 before | added p99, first second | added p99, then | shares again after | seen |',
  '| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | --- |',
].join('\n');

/** One user's line. Added is over the median before the fault, which leaves nothing out. */
export function lineOf(fault: string, { user, samples, findings, returnMs }: Outcome): string {
  const of = (phase: string): readonly Sample[] =>
    samples.filter((sample) => sample.phase === phase);
  const quiet = of('quiet');
  const usual = quantile(quiet, 0.5);
  const added = (phase: string): string => ms(quantile(of(phase), 0.99) - usual);
  const cells = [
    fault,
    user.name,
    String(samples.length),
    unusual(quiet, samples),
    `${ms(usual)}, ${ms(quantile(quiet, 0.99))}`,
    added('first'),
    added('later'),
    returnMs === undefined ? 'never' : `${(returnMs / 1000).toFixed(1)} s`,
    [...findings.seen, ...findings.broken.map((promise) => `**broken: ${promise}**`)].join('; '),
  ];
  return `| ${cells.join(' | ')} |`;
}

export const ONCE_HEADING: string = [
  '| keys are in | keys × duplicates | kills of it, of processes | ran twice | lost | stuck | resolved by hand | answers |',
  '| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
].join('\n');

/** What became of the keys in one place. */
export function onceLineOf(name: string, settings: OnceSettings, tally: Tally): string {
  const { keys, duplicates, storeKills, processKills } = settings;
  const answers = [...tally.answers]
    .toSorted(([one], [other]) => one - other)
    .map(([status, count]) => `${count} × ${status === 0 ? 'none' : status}`);
  const cells = [
    name,
    `${keys} × ${duplicates}`,
    `${storeKills}, ${processKills}`,
    tally.double,
    tally.lost,
    tally.stuck,
    tally.resolved,
    answers.join(', '),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Statuses that were not there before the fault, and how often. */
function unusual(quiet: readonly Sample[], samples: readonly Sample[]): string {
  const usual = new Set(quiet.map(({ status }) => status));
  const counts = new Map<number, number>();
  for (const { status } of samples) {
    if (!usual.has(status)) counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(', ') || '–';
}

function ms(value: number): string {
  return Number.isNaN(value) ? '–' : `${value.toFixed(1)} ms`;
}
