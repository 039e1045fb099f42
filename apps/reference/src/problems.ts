/**
 * Every problem of this service in one list: routes throw from it, and `/problems`
 * shows it, at the addresses that the documents give as their type.
 */
import { defineProblems, type Problems } from '@org/errors';

const DEFINITIONS = {
  unknownCursor: {
    status: 400,
    title: 'Unknown cursor',
    description: 'Cursors belong to one order. Take "next" of a page as it stands.',
  },
  apiKeyMissing: {
    status: 401,
    title: 'API key missing',
    description: 'Trips have owners. Send your API key in the header x-api-key.',
  },
  apiKeyUnknown: {
    status: 401,
    title: 'API key unknown',
    description: 'No owner has the API key that was sent.',
  },
  tripNotYours: {
    status: 403,
    title: 'Not your trip',
    description: 'Only its owner sees a trip, changes it and deletes it.',
  },
  countryNotFound: { status: 404, title: 'No such country' },
  cityNotFound: { status: 404, title: 'No such city' },
  tripNotFound: { status: 404, title: 'No such trip' },
  routeNotFound: {
    status: 404,
    title: 'No route yet',
    description: 'The route of a trip is found when it is asked for, and anew when it has changed.',
  },
  tooManyTrips: {
    status: 409,
    title: 'Too many trips',
    description: 'An owner has as many trips as are kept. Delete one first.',
  },
  notJson: {
    status: 415,
    title: 'Not JSON',
    description: 'Bodies are JSON; say so with Content-Type: application/json.',
  },
  unknownCity: {
    status: 422,
    title: 'Unknown city',
    description: 'A stop names a city that does not exist. GET /api/cities finds those that do.',
    members: { errors: 'Which stops, each with a pointer and a detail' },
  },
  weatherUnavailable: {
    status: 503,
    title: 'Weather unavailable',
    description: 'The weather service cannot be reached. Retry-After says when to try again.',
    expose: true,
  },
} as const;

export const problems: Problems<typeof DEFINITIONS> = defineProblems(DEFINITIONS, {
  base: '/problems#',
});
