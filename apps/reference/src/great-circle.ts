/**
 * Distances on the globe. A search for neighbours first cuts out a box of latitudes
 * and longitudes, which an index finds, and measures only what is inside.
 */

/** Mean radius of the earth, in km (IUGG). */
export const EARTH_RADIUS_KM = 6371.0088;

/** A point on the globe, in degrees. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** The great-circle distance of two points in km, by the haversine formula. */
export function distanceKm(one: Point, other: Point): number {
  const [from, to] = [toRadians(one.latitude), toRadians(other.latitude)];
  const across = Math.sin(toRadians(other.longitude - one.longitude) / 2) ** 2;
  const chord = Math.sin((to - from) / 2) ** 2 + Math.cos(from) * Math.cos(to) * across;
  // Rounding may bring the root just above 1, where there is no arc sine.
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** A range of degrees, both ends included. */
export interface Degrees {
  readonly from: number;
  readonly to: number;
}

/** A box that holds every point within a distance. Across the 180th meridian it has two ranges of longitude. */
export interface BoundingBox {
  readonly latitudes: Degrees;
  readonly longitudes: readonly Degrees[];
}

/** The box around a point. Near a pole it takes all longitudes. */
export function boundingBox(latitude: number, longitude: number, radiusKm: number): BoundingBox {
  const angle = radiusKm / EARTH_RADIUS_KM;
  const reach = toDegrees(angle);
  const latitudes = { from: latitude - reach, to: latitude + reach };
  if (latitudes.from <= -90 || latitudes.to >= 90) return { latitudes, longitudes: [ALL_AROUND] };
  // The circle is widest not at its centre, but a little towards the pole.
  const width = toDegrees(Math.asin(Math.min(1, Math.sin(angle) / Math.cos(toRadians(latitude)))));
  return { latitudes, longitudes: around(longitude - width, longitude + width) };
}

const ALL_AROUND: Degrees = { from: -180, to: 180 };

function around(west: number, east: number): readonly Degrees[] {
  if (west < -180) {
    return [
      { from: west + 360, to: 180 },
      { from: -180, to: east },
    ];
  }
  if (east > 180) {
    return [
      { from: west, to: 180 },
      { from: -180, to: east - 360 },
    ];
  }
  return [{ from: west, to: east }];
}

function toDegrees(radians: number): number {
  return (radians * 180) / Math.PI;
}

function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
