/**
 * What coding has brought per route: answers that hardly shrink are not worth the time.
 * A route is judged by a moving average, and tried again now and then: its answers may
 * have become others.
 */

/** Weight of the newest answer. */
const WEIGHT = 0.2;
/** Answers before a route is judged. */
const MIN_ANSWERS = 8;
/** A route whose answers stay this large is left alone. */
const POOR_RATIO = 0.95;
/** Of so many answers of such a route, one is tried. */
const TRY_EVERY = 64;
/** Routes that are remembered; of more, those that came first are forgotten. */
const MAX_ROUTES = 1000;

interface Record {
  ratio: number;
  answers: number;
  passedOver: number;
}

export class Benefit {
  private readonly routes: Map<string, Record> = new Map();

  /** Whether an answer of this route is worth coding. */
  pays(route: string | undefined): boolean {
    if (route === undefined) return true;
    const known = this.routes.get(route);
    if (known === undefined || known.answers < MIN_ANSWERS || known.ratio < POOR_RATIO) return true;
    known.passedOver++;
    if (known.passedOver < TRY_EVERY) return false;
    known.passedOver = 0;
    return true;
  }

  /** An answer of this route became so much of what it was. */
  learn(route: string | undefined, ratio: number): void {
    if (route === undefined) return;
    const known = this.routes.get(route);
    if (known === undefined) {
      if (this.routes.size >= MAX_ROUTES) this.routes.delete(this.routes.keys().next().value!);
      this.routes.set(route, { ratio, answers: 1, passedOver: 0 });
      return;
    }
    known.answers++;
    known.ratio += WEIGHT * (ratio - known.ratio);
  }

  /** Routes that are remembered. */
  get size(): number {
    return this.routes.size;
  }
}
