/**
 * Places on a flat map: equirectangular, true to scale along the parallel in its middle. The map is
 * cut where it is emptiest, so that Fiji is one place and not both ends of the world.
 */

/** A point on the globe, in degrees. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** A point on the map; y grows downwards. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** A map of some places. */
export interface Projection {
  readonly width: number;
  readonly height: number;
  /** How far it is around the world. */
  readonly around: number;
  /** Where the places are. */
  readonly spots: readonly Spot[];
  /** Meridians and parallels, as path data. */
  readonly grid: string;
}

/** Room around the outermost places, as a share of the larger side. */
const MARGIN = 0.06;
/** So many times as wide as high; and so wide at least, in degrees. */
const MIN_ASPECT = 1.45;
const MAX_ASPECT = 2;
const LEAST_DEGREES = 0.5;
/** Distances of meridians, in degrees; the first of which there are few enough is taken. */
const GRID_STEPS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30];
const MAX_GRID_LINES = 12;

/** Lays places out on a map that is `width` wide. */
export function projection(places: readonly Place[], width: number): Projection {
  const west = westmost(places.map(({ longitude }) => longitude));
  const east = (longitude: number): number => (longitude - west + 360) % 360;
  const lons = places.map(({ longitude }) => east(longitude));
  const lats = places.map(({ latitude }) => latitude);
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  const stretch = Math.cos((((south + north) / 2) * Math.PI) / 180);
  // From here on everything is in degrees of latitude.
  const across = Math.max(...lons) * stretch;
  const up = north - south;
  const margin = Math.max(across, up, LEAST_DEGREES) * MARGIN;
  const wide = Math.max(across + 2 * margin, (up + 2 * margin) * MIN_ASPECT, LEAST_DEGREES);
  const high = Math.max(up + 2 * margin, wide / MAX_ASPECT);
  const scale = width / wide;
  const left = (wide - across) / 2;
  const top = north + (high - up) / 2;
  const height = high * scale;
  const xOf = (lon: number): number => (lon * stretch + left) * scale;
  const yOf = (lat: number): number => (top - lat) * scale;
  return {
    width,
    height,
    around: 360 * stretch * scale,
    spots: places.map(({ latitude }, at) => ({ x: xOf(lons[at]!), y: yOf(latitude) })),
    grid: gridOf(),
  };

  function gridOf(): string {
    const step =
      GRID_STEPS.find((size) => wide / stretch / size <= MAX_GRID_LINES) ?? GRID_STEPS.at(-1)!;
    const lines: string[] = [];
    const from = west - left / stretch;
    for (let lon = Math.ceil(from / step) * step; xOf(lon - west) < width; lon += step) {
      lines.push(`M${rounded(xOf(lon - west))} 0V${rounded(height)}`);
    }
    for (let lat = Math.floor(Math.min(90, top) / step) * step; yOf(lat) < height; lat -= step) {
      if (lat < -90) break;
      lines.push(`M0 ${rounded(yOf(lat))}H${width}`);
    }
    return lines.join('');
  }
}

/** The way through the spots in an order, as path data. What is shorter the other way round the world leaves the map and comes in again. */
export function pathOf({ spots, around }: Projection, order: readonly number[]): string {
  let data = '';
  for (const [at, stop] of order.entries()) {
    const to = spots[stop]!;
    const from = at === 0 ? undefined : spots[order[at - 1]!]!;
    const isOver = from !== undefined && Math.abs(to.x - from.x) > around / 2;
    if (isOver) {
      const shift = to.x > from.x ? around : -around;
      data += `L${pointOf({ x: to.x - shift, y: to.y })}M${pointOf({ x: from.x + shift, y: from.y })}`;
    }
    data += (from === undefined ? 'M' : 'L') + pointOf(to);
  }
  return data;
}

/** The longitude right after the widest gap. */
function westmost(longitudes: readonly number[]): number {
  const sorted = longitudes.toSorted((one, other) => one - other);
  let found = sorted[0] ?? 0;
  let widest = 0;
  for (const [at, here] of sorted.entries()) {
    const before = at === 0 ? sorted.at(-1)! - 360 : sorted[at - 1]!;
    if (here - before <= widest) continue;
    widest = here - before;
    found = here;
  }
  return found;
}

function pointOf({ x, y }: Spot): string {
  return `${rounded(x)} ${rounded(y)}`;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
