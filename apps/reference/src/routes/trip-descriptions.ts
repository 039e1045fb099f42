/** What routes of trips say of themselves, all of them and those of one trip. */
import type { ProblemType, SharedDescription } from '@org/openapi';

import { problems } from '../problems.ts';

/** Of every route. */
export const OF_TRIPS: SharedDescription = {
  tags: ['trips'],
  security: ['apiKey'],
  problems: [problems.apiKeyMissing.definition, problems.apiKeyUnknown.definition],
};

/** What can go wrong with one trip. */
export const OF_ONE: readonly ProblemType[] = [
  problems.tripNotFound.definition,
  problems.tripNotYours.definition,
];
