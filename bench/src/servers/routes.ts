/** The routes that every server has: what is measured, and what proves that errors are answered. */
import type { Express } from 'express';

/** What is answered. */
export interface Answer {
  readonly id: number;
  readonly name: string;
  readonly country: { readonly code: string; readonly name: string };
  readonly location: { readonly latitude: number; readonly longitude: number };
  readonly population: number;
  readonly trips: readonly {
    readonly id: string;
    readonly title: string;
    readonly days: number;
    readonly seats: { readonly total: number; readonly free: number };
  }[];
}

/** 1 KB as JSON. */
export const ANSWER: Answer = {
  id: 4_180_439,
  name: 'Athens',
  country: { code: 'GR', name: 'Greece' },
  location: { latitude: 37.983_76, longitude: 23.727_84 },
  population: 664_046,
  trips: Array.from({ length: 9 }, (_, at) => ({
    id: `trip-${at + 1}`,
    title: `Around the city in ${at + 1} days`,
    days: at + 1,
    seats: { total: 12, free: 12 - at },
  })),
};

export function addRoutes(app: Express): void {
  // `setup` leaves this header out; what it costs is not to be mistaken for what the chain costs.
  app.disable('x-powered-by');
  app.get('/', (_req, res) => {
    res.json(ANSWER);
  });
  app.get('/fresh', (_req, res) => {
    res.set('Cache-Control', 'no-store').json(ANSWER);
  });
  app.get('/fails', () => {
    throw new Error('deliberate');
  });
}

/** How many middlewares that do nothing stand in the chain of the bench `pipeline`. */
export const NOOPS = 20;
