/** Weather, invented: it hangs on the place and the hour alone, so that it can be asked for again. */

export interface Weather {
  readonly temperatureC: number;
  readonly windKmh: number;
  readonly sky: 'clear' | 'clouds' | 'rain' | 'snow';
  /** The full hour that it holds for. */
  readonly observedAt: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365.25 * DAY_MS;

/** The weather at a place. @param at in ms since the epoch */
export function weatherAt(latitude: number, longitude: number, at: number): Weather {
  const hourAt = at - (at % HOUR_MS);
  const year = Math.cos((2 * Math.PI * (hourAt % YEAR_MS)) / YEAR_MS);
  const localHour = (hourAt % DAY_MS) / HOUR_MS + longitude / 15;
  const day = Math.cos((2 * Math.PI * (localHour - 15)) / 24);
  const chance = whirl(latitude, longitude, hourAt);
  const mild = 30 - Math.abs(latitude) * 0.6;
  const temperatureC = mild - Math.sign(latitude) * year * Math.abs(latitude) * 0.25 + 5 * day;
  const wet = chance > 0.7;
  return {
    temperatureC: Math.round(temperatureC * 10) / 10,
    windKmh: Math.round(chance * 60),
    sky: wet ? (temperatureC < 0 ? 'snow' : 'rain') : chance > 0.4 ? 'clouds' : 'clear',
    observedAt: new Date(hourAt).toISOString(),
  };
}

/** Between 0 and 1, and the same for the same. */
function whirl(latitude: number, longitude: number, hourAt: number): number {
  const mixed =
    Math.sin(latitude * 12.9898 + longitude * 78.233 + (hourAt / HOUR_MS) * 0.37) * 43758.5453;
  return mixed - Math.floor(mixed);
}
