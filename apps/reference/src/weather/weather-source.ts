/**
 * The weather of a place, from a service that fails now and then. What stands between it and our
 * clients, from the outside in: a retry of what failed for a moment; a hedge, which asks a second
 * time when the first answer is late; a circuit, for which each of them counts, and which ends the
 * attempts when it is open; and a time limit for each. The cache above shows what it knew when all
 * of that was of no use.
 */
import { circuit } from '@org/circuit';
import {
  type CallContext,
  type CallPolicy,
  type Component,
  type Exchange,
  hasCode,
  ProblemError,
  type Store,
} from '@org/core';
import { hedge, retry, retryBudget } from '@org/retry';
import { z } from 'zod';

import { problems } from '../problems.ts';
import type { ServiceConfig } from '../settings.ts';

/** The longest that one attempt may take, in ms. */
const ATTEMPT_TIMEOUT_MS = 1000;
/** How long after the first a second request is made, in ms, as long as too little is known of how long they take. */
const HEDGE_AFTER_MS = 300;

const WEATHER = z.object({
  temperatureC: z.number(),
  windKmh: z.number(),
  sky: z.enum(['clear', 'clouds', 'rain', 'snow']),
  observedAt: z.iso.datetime(),
});

/** The weather of a full hour. */
export interface Weather {
  readonly temperatureC: number;
  readonly windKmh: number;
  readonly sky: 'clear' | 'clouds' | 'rain' | 'snow';
  readonly observedAt: string;
}

/** Where somebody wants to know the weather. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Tells the weather. @throws ProblemError 503 when nobody knows it */
export interface WeatherSource {
  /** For the stack: their numbers, their health and their end are everybody's. */
  readonly parts: readonly Component[];
  at(place: Place, exchange: Exchange): Promise<Weather>;
}

/** Makes a source of the service at `url`; without one it knows of no weather. */
export function weatherSource(
  url: string | undefined,
  config: ServiceConfig,
  store: Store | undefined,
): WeatherSource {
  if (url === undefined) {
    return {
      parts: [],
      at() {
        throw problems.weatherUnavailable(
          'No weather service is configured: WEATHER_URL is not set.',
        );
      },
    };
  }
  const budget = retryBudget();
  const shared = { budget, budgetName: 'weather' };
  const late = hedge({ ...shared, name: 'weather:hedge', afterMs: HEDGE_AFTER_MS });
  const breaker = config.isEnabled('circuit')
    ? circuit({ ...config.options('circuit'), name: 'weather:circuit', store })
    : undefined;
  const inner: CallPolicy[] = [late, ...(breaker === undefined ? [] : [breaker.breaker])];
  const again = retry({
    ...shared,
    ...(config.isEnabled('retry') ? config.options('retry') : { maxAttempts: 1 }),
    name: 'weather:retry',
    attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
    inner,
  });

  return {
    parts: [late, again, ...(breaker === undefined ? [] : [breaker])],
    async at({ latitude, longitude }, exchange) {
      const address = new URL('/weather', url);
      address.search = new URLSearchParams({
        latitude: String(latitude),
        longitude: String(longitude),
      }).toString();
      /** With its body: a connection may break in the middle of an answer. */
      const ask = async (context: CallContext): Promise<Weather> => {
        const answer = await fetch(address, {
          signal: context.signal ?? null,
          headers: again.headers(context),
        });
        if (answer.ok) return WEATHER.parse(await answer.json());
        await answer.body?.cancel();
        throw badAnswer(answer);
      };
      try {
        return await again.run(ask, again.contextFor(exchange));
      } catch (error) {
        throw unavailable(error);
      }
    },
  };
}

/** As an error, with what a retry and a circuit go by. */
function badAnswer({ status, headers }: Response): ProblemError {
  const retryAfter = headers.get('retry-after');
  return new ProblemError({
    code: 'ERR_WEATHER_ANSWER',
    status,
    detail: `The weather service answered ${status}.`,
    headers: retryAfter === null ? {} : { 'Retry-After': retryAfter },
  });
}

/** What our clients are told, whatever it was; the cause is for the log. */
function unavailable(cause: unknown): ProblemError {
  // A circuit knows when it is worth coming back.
  const retryAfter = hasCode(cause, 'ERR_CIRCUIT_OPEN')
    ? (cause as ProblemError).headers['Retry-After']
    : undefined;
  return problems.weatherUnavailable('The weather is not known at the moment.', undefined, {
    cause,
    headers: { 'Retry-After': retryAfter ?? '1' },
  });
}
