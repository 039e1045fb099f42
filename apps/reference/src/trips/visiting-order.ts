/**
 * A good order to visit places in: from the first to whichever is nearest, and so on, and then,
 * while that makes the way shorter, a stretch of it is gone the other way round (2-opt). Not the
 * best there is, but within a few per cent of it, and found while the best is still looked for.
 */
import { distanceKm, type Point } from '../great-circle.ts';

/** An order, and how long its way is. */
export interface VisitingOrder {
  /** Indexes of the places; the first one stays first. */
  readonly order: readonly number[];
  readonly lengthKm: number;
}

/** Shorter by less is rounding, and could go on for ever. */
const LEAST_GAIN_KM = 1e-9;
/** Rounds over all stretches; more hardly find anything. */
const MAX_ROUNDS = 50;

/** Looks for an order step by step; each step tells how long the way is so far, and lets others work. */
export function* visitingOrder(
  places: readonly Point[],
): Generator<VisitingOrder, VisitingOrder, undefined> {
  const apart = places.map((one) => places.map((other) => distanceKm(one, other)));
  const order = nearestNext(apart);
  const soFar = (): VisitingOrder => ({ order: [...order], lengthKm: lengthOf(order, apart) });
  yield soFar();
  for (let round = 0, isShorter = true; isShorter && round < MAX_ROUNDS; round++) {
    isShorter = false;
    for (const _ of uncross(order, apart)) {
      isShorter = true;
      yield soFar();
    }
  }
  return soFar();
}

/** How long a way is in the order in which it is given. */
export function lengthKm(places: readonly Point[]): number {
  return places.reduce(
    (sum, place, at) => (at === 0 ? 0 : sum + distanceKm(places[at - 1]!, place)),
    0,
  );
}

function nearestNext(apart: readonly (readonly number[])[]): number[] {
  const left = new Set(apart.keys());
  const order: number[] = [];
  let here = 0;
  while (left.delete(here)) {
    order.push(here);
    let nearest = here;
    let leastKm = Number.POSITIVE_INFINITY;
    for (const there of left) {
      const km = apart[here]![there]!;
      if (km >= leastKm) continue;
      leastKm = km;
      nearest = there;
    }
    here = nearest;
  }
  return order;
}

/** Turns each stretch round that is better gone the other way, and stops after each. */
function* uncross(
  order: number[],
  apart: readonly (readonly number[])[],
): Generator<void, void, undefined> {
  const km = (from: number, to: number): number =>
    to === order.length ? 0 : apart[order[from]!]![order[to]!]!;
  for (let from = 1; from < order.length - 1; from++) {
    for (let to = from + 1; to < order.length; to++) {
      const asIs = km(from - 1, from) + km(to, to + 1);
      const turned = km(from - 1, to) + (to + 1 === order.length ? 0 : km(from, to + 1));
      if (turned > asIs - LEAST_GAIN_KM) continue;
      order.splice(from, to - from + 1, ...order.slice(from, to + 1).toReversed());
      yield;
    }
  }
}

function lengthOf(order: readonly number[], apart: readonly (readonly number[])[]): number {
  return order.reduce((sum, there, at) => (at === 0 ? 0 : sum + apart[order[at - 1]!]![there]!), 0);
}
