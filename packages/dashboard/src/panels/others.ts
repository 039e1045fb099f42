/** Components without a panel of their own: every number of theirs that is not zero. */
import { type Panel, table } from '../panel.ts';
import type { Sources } from '../sources.ts';

/** Shown elsewhere on the page. */
const ELSEWHERE =
  /^(?:metrics|analytics|cache|rate-limit|queue|tasks|websocket|errors|health|dashboard|(?:.+:)?circuit)$|^security:/;
/** What one component may show here, and how many may. */
const MAX_NUMBERS = 30;
const MAX_COMPONENTS = 20;

export function others({ stats }: Sources): Panel | undefined {
  const tables = [...stats]
    .filter(([name, numbers]) => !ELSEWHERE.test(name) && !numbers.has('pool'))
    .flatMap(([name, numbers]) =>
      table(
        name,
        [
          { label: 'Number', unit: 'text' },
          { label: 'Value', unit: 'count' },
        ],
        numbers
          .leaves(MAX_NUMBERS)
          .filter(([, value]) => value !== 0 && value !== 'false')
          .map(([path, value]) => ({ cells: [path, value] })),
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
