/**
 * When a pool will be full, if things go on as they do. The load is the mean number of connections in
 * use, which by Little's law is arrivals times the time that each is kept, and of those who wait for
 * one. A straight line through the last minute says when it meets the pool's size; where the points
 * lie around no line, nothing is said.
 */

/** Fewer points say nothing. */
const MIN_POINTS = 10;
/** A line must explain at least so much of what the points do. */
const MIN_FIT = 0.5;
/** Nobody acts on what is further away, in samples. */
const HORIZON = 3600;

/** Samples until `capacity` is met: 0 where it is, nothing where it is not to be seen. */
export function samplesUntilFull(load: readonly number[], capacity: number): number | undefined {
  const latest = load.at(-1);
  if (latest === undefined) return undefined;
  if (latest >= capacity) return 0;
  if (load.length < MIN_POINTS) return undefined;
  const { slope, level, fit } = line(load);
  if (slope <= 0 || fit < MIN_FIT) return undefined;
  const until = Math.max(0, (capacity - level) / slope);
  return until <= HORIZON ? until : undefined;
}

/** Least squares: the slope per sample, the level at the last one, and how much the line explains. */
function line(points: readonly number[]): { slope: number; level: number; fit: number } {
  const count = points.length;
  const middle = (count - 1) / 2;
  const mean = points.reduce((sum, point) => sum + point, 0) / count;
  let along = 0;
  let across = 0;
  let spread = 0;
  for (const [at, point] of points.entries()) {
    along += (at - middle) ** 2;
    across += (at - middle) * (point - mean);
    spread += (point - mean) ** 2;
  }
  const slope = across / along;
  return {
    slope,
    level: mean + slope * middle,
    fit: spread === 0 ? 0 : across ** 2 / (along * spread),
  };
}
