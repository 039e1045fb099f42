/** Components without a panel of their own, and what pools have besides: every number of theirs that is not zero. */
import { type Panel, table, type Unit } from '../panel.ts';
import type { Sources } from '../sources.ts';

/** Shown elsewhere on the page. */
const ELSEWHERE =
  /^(?:metrics|analytics|cache|rate-limit|queue|tasks|websocket|errors|health|dashboard|(?:.+:)?circuit)$|^security:/;
/** Numbers of one component that are looked at, and those that are shown; and how many components. */
const LOOKED_AT = 300;
const MAX_NUMBERS = 30;
const MAX_COMPONENTS = 20;

export function others({ stats }: Sources): Panel | undefined {
  const tables = [...stats]
    .filter(([name]) => !ELSEWHERE.test(name))
    .flatMap(([name, numbers]) =>
      table(
        name,
        [
          { label: 'Number', unit: 'text' },
          { label: 'Value', unit: 'count' },
        ],
        numbers
          .leaves(LOOKED_AT)
          .filter(([path, value]) => value !== 0 && value !== 'false' && !/^pool\b/.test(path))
          .slice(0, MAX_NUMBERS)
          .map(([path, value]) => ({ cells: [path, value], unit: unitOf(path) })),
      ),
    )
    .slice(0, MAX_COMPONENTS);
  if (tables.length === 0) return undefined;
  return {
    id: 'others',
    title: 'Other components',
    wide: true,
    note: 'What is not zero.',
    tables,
  };
}

/** As names end in this house. */
const UNITS: readonly (readonly [RegExp, Unit])[] = [
  [/Ms(?:Total)?(?:\.|$)/, 'ms'],
  [/Bytes(?:Total)?(?:\.|$)/, 'bytes'],
  [/ratio$/i, 'ratio'],
];

function unitOf(path: string): Unit | undefined {
  return UNITS.find(([ending]) => ending.test(path))?.[1];
}
