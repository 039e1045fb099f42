/** A request with an id, a query and a body, checked ahead of a handler that does nothing. */
import { route } from '@org/openapi';
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 10_000;

const params = z.object({ id: z.coerce.number().int() });
const query = z.object({
  lang: z.enum(['en', 'el']).optional(),
  limit: z.coerce.number().max(100),
});
const body = z.object({
  name: z.string().min(1).max(100),
  stops: z.array(z.object({ cityId: z.int(), arrivesOn: z.iso.date() })),
});

const REQUEST = {
  params: { id: '2988507' },
  query: { lang: 'el', limit: '20' },
  headers: {},
  body: {
    name: 'Two rivers',
    stops: [
      { cityId: 2_988_507, arrivesOn: '2027-05-01' },
      { cityId: 2_761_369, arrivesOn: '2027-05-04' },
    ],
  },
} as unknown as Request;
const RESPONSE = {} as Response;

/** What the handlers have seen, so that none of their work is thought away. */
let seen = 0;

const byHand: RequestHandler = (req) => {
  const { id } = params.parse(req.params);
  const { limit } = query.parse(req.query);
  seen += id + limit + body.parse(req.body).stops.length;
};

const byRoute = route({ params, query, body, validateResponses: 'off' }, (req) => {
  const { valid } = req;
  seen += valid.params.id + valid.query.limit + valid.body.stops.length;
});

const noNext = (): void => undefined;

function calling(handler: RequestHandler): Contestant {
  return {
    calls: CALLS,
    run() {
      for (let at = 0; at < CALLS; at++) void handler(REQUEST, RESPONSE, noNext);
      if (Number.isNaN(seen)) throw new Error('a request was not seen');
    },
  };
}

export const contestants: Contestants = { 'by-hand': calling(byHand), route: calling(byRoute) };
