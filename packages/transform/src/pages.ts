/** What the head tells of a page among others: `Link` (RFC 8288) and `X-Total-Count`. */
import type { Exchange } from '@org/core';

import { codedAddress } from './address.ts';
import { memberAt } from './links.ts';
import type { FindPage, Pagination, PlacedPage } from './shape.ts';

const RELATIONS = ['next', 'prev', 'first', 'last'] as const;

/** A function that finds the page: the one that was given, or one that looks at the places that were. */
export function pageFinder(given: FindPage | PlacedPage): FindPage {
  if (typeof given === 'function') return given;
  const places = RELATIONS.flatMap((relation) => {
    const path = given[relation];
    return path === undefined ? [] : [{ relation, path: path.split('.') }];
  });
  const total = given.total?.split('.');
  return (value) => {
    const count = total === undefined ? undefined : memberAt(value, total);
    return {
      links: Object.fromEntries(
        places.map(({ relation, path }) => [relation, memberAt(value, path) as string | undefined]),
      ),
      ...(typeof count === 'number' || typeof count === 'bigint' ? { total: Number(count) } : {}),
    };
  };
}

/** Sets the headers of a page. Links that the handler has set stay. */
export function tellPage({ res }: Exchange, page: Pagination | undefined): void {
  if (page === undefined) return;
  const links = Object.entries(page.links ?? {}).flatMap(([relation, address]) =>
    typeof address === 'string' && address !== ''
      ? [`<${codedAddress(address)}>; rel="${relation}"`]
      : [],
  );
  if (links.length > 0) res.append('Link', links.join(', '));
  if (page.total !== undefined) res.setHeader('X-Total-Count', String(page.total));
}
