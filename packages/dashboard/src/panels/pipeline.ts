/** The pipeline as a waterfall: how long each middleware keeps a request, in the order they stand. */
import type { Panel, Stage } from '../panel.ts';
import type { Reading } from '../reading.ts';
import type { Sources } from '../sources.ts';

export function pipeline({ stats, traffic }: Sources): Panel | undefined {
  const timed = new Map<string, Reading>(
    (stats.get('metrics')?.list('middleware') ?? []).flatMap((one) => {
      const name = one.text('name');
      return name === undefined ? [] : [[name, one] as const];
    }),
  );
  const mounted = traffic.map(({ name, phase, callsTotal, errorsTotal }) =>
    stage(name, phase, timed.get(name), callsTotal, errorsTotal),
  );
  const known = new Set(traffic.map(({ name }) => name));
  // The handler and the answer's way out are no middleware, but take time as well.
  const others = [...timed]
    .filter(([name]) => !known.has(name))
    .map(([name, one]) => stage(name, undefined, one, one.number('calls'), one.number('errors')));
  const waterfall = [...mounted, ...others].slice(0, MAX_STAGES);
  if (waterfall.length === 0) return undefined;
  return {
    id: 'pipeline',
    title: 'Pipeline',
    wide: true,
    note: noteOf(timed.size > 0, waterfall),
    waterfall,
  };
}

function noteOf(isMeasured: boolean, waterfall: readonly Stage[]): string {
  if (!isMeasured) return 'Self times are there once metrics take part.';
  return waterfall.some(({ p50Ms }) => p50Ms !== undefined)
    ? 'Self time: how long each keeps a request, without what follows it.'
    : 'No request has been timed lately.';
}

/** A pipeline has some thirty middlewares. */
const MAX_STAGES = 80;

function stage(
  name: string,
  phase: string | undefined,
  timed: Reading | undefined,
  calls: number | undefined,
  errors: number | undefined,
): Stage {
  // Of none that were timed lately there is no percentile, whatever stands there.
  const isTimed = timed !== undefined && timed.number('timed') !== 0;
  return {
    name,
    phase,
    calls,
    errors,
    p50Ms: isTimed ? timed.number('selfMs.p50') : undefined,
    p95Ms: isTimed ? timed.number('selfMs.p95') : undefined,
  };
}
