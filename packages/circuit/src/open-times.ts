/** How long a circuit stays open: longer each time that it opens again without having closed. */

export interface OpenTimeOptions {
  readonly openMs: number;
  readonly openGrowth: number;
  readonly maxOpenMs: number;
  readonly openJitterRatio: number;
}

/**
 * The time in ms of the opening that follows `openings` others, spread at random around it, so that
 * processes that opened together do not come back together.
 */
export function openTimeMs(
  options: OpenTimeOptions,
  openings: number,
  random: () => number,
): number {
  const { openMs, openGrowth, maxOpenMs, openJitterRatio } = options;
  const grownMs = Math.min(maxOpenMs, openMs * openGrowth ** openings);
  return grownMs * (1 + openJitterRatio * (2 * random() - 1));
}
