/** Numbers that are not exact, and how good they are: every estimate carries its own interval. */

/** The true number lies between `atLeast` and `atMost`, both included, with this confidence. */
export interface Estimate {
  readonly value: number;
  readonly atLeast: number;
  readonly atMost: number;
  /** From 0 to 1; 1 where the bounds are guaranteed. */
  readonly confidence: number;
}

/** A number of a group too small to be shown: it is below `lessThan`. */
export interface Withheld {
  readonly lessThan: number;
}

/** Standard errors of a normal distribution that 95% lie within. */
const DEVIATIONS_OF_95_PERCENT = 1.96;

/** A number whose error is spread normally, with 95% confidence. */
export function normalEstimate(value: number, relativeStandardError: number): Estimate {
  const error = value * relativeStandardError * DEVIATIONS_OF_95_PERCENT;
  return {
    value: Math.round(value),
    atLeast: Math.max(0, Math.floor(value - error)),
    atMost: Math.ceil(value + error),
    confidence: 0.95,
  };
}

/** A number between bounds that are guaranteed. */
export function boundedEstimate(value: number, atLeast: number, atMost: number): Estimate {
  return { value, atLeast, atMost, confidence: 1 };
}

/** The estimate, or, of a group below `floor`, no more than that it is so small. */
export function withFloor(estimate: Estimate, floor: number): Estimate | Withheld {
  return estimate.value > 0 && estimate.value < floor ? { lessThan: floor } : estimate;
}
