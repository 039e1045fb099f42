/**
 * The versions of the API, and what changed between them. Handlers know the newest; what is
 * here carries older clients up to it, and answers down to them.
 */
import { type Change, defineChange } from '@org/versioning';

/** Every version that is served. */
export const VERSIONS = ['2026-01-01', '2026-11-01'] as const;

/** A city as it is now: its place is one thing. */
interface City {
  readonly coordinates: { readonly latitude: number; readonly longitude: number };
  readonly [member: string]: unknown;
}

/** A city as it was until November: latitude and longitude stood beside its name. */
function flat({ coordinates, ...rest }: City): object {
  return { ...rest, ...coordinates };
}

function isCity(value: unknown): value is City {
  return typeof value === 'object' && value !== null && 'coordinates' in value;
}

/** Oldest first. */
export const CHANGES: readonly Change[] = [
  defineChange({
    version: '2026-11-01',
    description:
      'Where a city lies is one thing: `coordinates` takes the place of `latitude` and `longitude`.',
    routes: ['/api/cities', '/api/cities/:id', '/api/cities/:id/nearby'],
    response(value) {
      if (isCity(value)) return flat(value);
      const { items, ...page } = value as { readonly items: readonly City[] };
      return { items: items.map(flat), ...page };
    },
  }),
];
