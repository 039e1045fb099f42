/** Who was turned away: by a rate limit, by a block, by what was found in a request. */
import { type Fact, type Panel, type Row, type Series, table, worst } from '../panel.ts';
import { partsOf, type Sources } from '../sources.ts';

export function limits(sources: Sources): Panel | undefined {
  const { rates, stats } = sources;
  const limit = stats.get('rate-limit');
  const security = new Map(partsOf(sources, 'security'));
  if (limit === undefined && security.size === 0) return undefined;
  const facts: Fact[] = [];
  const series: Series[] = [];
  const rows: Row[] = [];
  const line = (key: string, label: string, total: number | undefined): void => {
    series.push({ key, label, value: rates.perSecond(key, total) });
  };

  if (limit !== undefined) {
    const limitRatio = limit.number('limitRatio');
    const lowered = limitRatio !== undefined && limitRatio < 1;
    const isAway = limit.text('store') === 'away';
    facts.push(
      { label: 'Over a limit', unit: 'count', value: limit.number('deniedTotal') },
      {
        label: 'Limits at',
        unit: 'ratio',
        value: limitRatio,
        tone: lowered ? 'warn' : undefined,
      },
      ...(isAway
        ? [{ label: 'Store', unit: 'text', value: 'away, counted here', tone: 'warn' } as const]
        : []),
    );
    line('limits.denied', 'Over a limit', limit.number('deniedTotal'));
    for (const [route, policies] of limit.entries('routes')) {
      for (const [policy, numbers] of policies.entries()) {
        const denied = numbers.number('deniedTotal') ?? 0;
        if (denied > 0) rows.push({ cells: [`limit ${policy} on ${route}`, denied] });
      }
    }
  }

  const reputation = security.get('reputation');
  if (reputation !== undefined) {
    const blocks = reputation.number('blocks');
    facts.push(
      {
        label: 'Blocked now',
        unit: 'count',
        value: blocks,
        tone: blocks === undefined || blocks === 0 ? undefined : 'warn',
      },
      { label: 'Watched', unit: 'count', value: reputation.number('tracked') },
    );
    line('limits.blocked', 'Blocked', reputation.number('refusedTotal'));
    const refused = reputation.number('refusedTotal') ?? 0;
    if (refused > 0) rows.push({ cells: ['blocked address', refused] });
  }

  let foundTotal: number | undefined;
  for (const part of ['threats', 'threats-body']) {
    const threats = security.get(part);
    if (threats === undefined) continue;
    foundTotal = (foundTotal ?? 0) + (threats.number('foundTotal') ?? 0);
    for (const [name, count] of threats.leaves(40)) {
      const kind = /^(\w+)Total$/.exec(name)?.[1];
      if (kind === undefined || ABOUT_ALL.has(kind) || typeof count !== 'number' || count === 0) {
        continue;
      }
      rows.push({ cells: [part === 'threats' ? kind : `${kind} in a body`, count] });
    }
  }
  if (foundTotal !== undefined) line('limits.threats', 'Threats', foundTotal);

  const csrf = security.get('csrf');
  const forged = csrf?.sum('crossSiteTotal') ?? 0;
  if (forged > 0) rows.push({ cells: ['from another site (CSRF)', forged] });

  return {
    id: 'limits',
    title: 'Limits and blocks',
    tone: worst(facts.map(({ tone }) => tone)),
    note: limit === undefined ? undefined : reasonOf(limit.text('limitReason'), facts),
    facts,
    charts: [{ title: 'Turned away', unit: 'rate', series }],
    tables: table(
      'Turned away, by reason',
      [
        { label: 'Reason', unit: 'text' },
        { label: 'Requests', unit: 'count' },
      ],
      rows.toSorted((one, other) => Number(other.cells[1]) - Number(one.cells[1])),
    ),
  };
}

/** Totals of a part that are no kind of threat. */
const ABOUT_ALL: ReadonlySet<string> = new Set(['inspected', 'found', 'refused']);

/** Why limits are not as they were set, where they are not. */
function reasonOf(reason: string | undefined, facts: readonly Fact[]): string | undefined {
  return facts.some(({ tone, label }) => label === 'Limits at' && tone !== undefined)
    ? reason
    : undefined;
}
