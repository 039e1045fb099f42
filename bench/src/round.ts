/**
 * Rounds and what follows from them. A shared machine shifts by a quarter from one minute to the
 * next, so contenders take turns, and each is compared with the one that ran beside it: the ratio
 * of a round says more than the ratio of two medians.
 */

/** What one turn of one contender gave: a number for each figure. */
export type Sample = Readonly<Record<string, number>>;

/** Samples by contender, in the order of the rounds: the samples at one index ran side by side. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** A ratio over all rounds. */
export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A B C A B C …: every contender has its turn in every round, one after the other. */
export async function interleave(
  contenders: readonly string[],
  rounds: number,
  measure: (contender: string, round: number) => Promise<Sample>,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(contenders.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, own] of samples) own.push(await measure(name, round));
  }
  return samples;
}

/** @throws {RangeError} where there are no values, which have no median. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values have no median');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How many times the figure of `own` is that of `base`, round by round.
 * @throws {RangeError} where there were not as many rounds of both, or none.
 */
export function pairedRatio(
  own: readonly Sample[],
  base: readonly Sample[],
  figure: string,
): Ratio {
  if (own.length !== base.length) {
    throw new RangeError(`${own.length} samples cannot be paired with ${base.length}`);
  }
  const ratios = own.map(
    (sample, round) => valueOf(sample, figure) / valueOf(base[round]!, figure),
  );
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

/** @throws {RangeError} where the sample does not have the figure. */
export function valueOf(sample: Sample, figure: string): number {
  const value = sample[figure];
  if (value === undefined) throw new RangeError(`a sample has no figure "${figure}"`);
  return value;
}
