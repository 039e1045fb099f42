/** Errors: how many, and the latest of them by the ids under which logs and traces have them. */
import { above, known, type Panel, table } from '../panel.ts';
import type { Sources } from '../sources.ts';
import { ERROR_RATIO } from '../thresholds.ts';
import { answeredTotal } from './throughput.ts';

export function errors(sources: Sources): Panel | undefined {
  const { stats } = sources;
  const numbers = stats.get('errors');
  const ratio = stats.get('metrics')?.number('http.errorRatio');
  if (numbers === undefined && ratio === undefined) return undefined;
  return {
    id: 'errors',
    title: 'Errors',
    wide: true,
    tone: above(ratio, ...ERROR_RATIO),
    note: numbers === undefined || ratio === undefined ? undefined : CAUGHT,
    facts: [
      ...(ratio === undefined
        ? []
        : [
            {
              label: 'Error ratio',
              unit: 'ratio',
              value: ratio,
              tone: above(ratio, ...ERROR_RATIO),
            } as const,
          ]),
      {
        label: 'Server errors',
        unit: 'count',
        value: answeredTotal(sources, 'serverErrorsTotal'),
      },
      {
        label: 'Client errors',
        unit: 'count',
        value: answeredTotal(sources, 'clientErrorsTotal'),
      },
      ...known([
        { label: 'Failed inside', unit: 'count', value: numbers?.number('serverErrorsTotal') },
        { label: 'Cut off', unit: 'count', value: numbers?.number('cutTotal') },
      ]),
    ],
    tables: table(
      'Recent server errors, the latest first',
      [
        { label: 'Time', unit: 'time' },
        { label: 'Method', unit: 'text' },
        { label: 'Route', unit: 'text' },
        { label: 'Status', unit: 'text' },
        { label: 'Code', unit: 'text' },
        { label: 'Request', unit: 'text' },
        { label: 'Trace', unit: 'text' },
      ],
      (numbers?.list('recent') ?? []).map((one) => ({
        cells: [
          one.time('at'),
          one.text('method'),
          one.text('route') ?? 'no route',
          one.text('status'),
          one.text('code'),
          one.text('id'),
          one.text('traceId'),
        ],
      })),
    ),
  };
}

const CAUGHT =
  'What failed inside is listed, also where a cache still had an answer for the client.';
