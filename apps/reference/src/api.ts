/** What the documents of the API say beside its routes. */
import type { OpenapiOptions } from '@org/openapi';

import { CHANGES, VERSIONS } from './versions.ts';

export const API: Partial<OpenapiOptions> = Object.freeze<Partial<OpenapiOptions>>({
  info: {
    title: 'Places and trips',
    description: 'The world’s countries and cities, and trips through them.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  tags: [
    { name: 'countries', description: 'All 250 of them.' },
    { name: 'cities', description: '135,000 of them, with their neighbours and their weather.' },
    { name: 'trips', description: 'Named lists of cities with dates. Only its owner sees a trip.' },
  ],
  securitySchemes: { apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' } },
  versions: VERSIONS,
  changes: CHANGES,
  // Whoever may call it may read how.
  public: true,
  // The landing page, and the list of problems that documents point at.
  undocumented: ['/', '/problems'],
});
