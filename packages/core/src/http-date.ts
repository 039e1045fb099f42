/**
 * Dates as HTTP writes them (RFC 9110 §5.6.7): strictly its three forms, of which only the
 * first is written. They are read in any case (RFC 9111 §4.2).
 */

const MONTHS: readonly string[] = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const MONTH = `(${MONTHS.join('|')})`;
const SHORT_DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const TIME = String.raw`(\d{2}):(\d{2}):(\d{2})`;
/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const IMF_FIXDATE = new RegExp(
  String.raw`^${SHORT_DAY}, (\d{2}) ${MONTH} (\d{4}) ${TIME} GMT$`,
  'i',
);
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC850 = new RegExp(String.raw`^${LONG_DAY}, (\d{2})-${MONTH}-(\d{2}) ${TIME} GMT$`, 'i');
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = new RegExp(String.raw`^${SHORT_DAY} ${MONTH} ([ \d]\d) ${TIME} (\d{4})$`, 'i');

/**
 * The date in ms since the epoch; nothing for what is no HTTP date. Whether a weekday belongs
 * to its date is not checked. `nowMs` decides the century of two-digit years.
 */
export function parseHttpDate(value: string, nowMs: number): number | undefined {
  const imf = IMF_FIXDATE.exec(value);
  if (imf !== null) return utc(Number(imf[3]), imf[2]!, imf[1]!, imf[4]!, imf[5]!, imf[6]!);
  const old = RFC850.exec(value);
  if (old !== null) {
    const limit = new Date(nowMs);
    const thisYear = limit.getUTCFullYear();
    limit.setUTCFullYear(thisYear + 50);
    // One that appears to be more than 50 years ahead is in the past.
    for (const century of [100, 0, -100]) {
      const year = thisYear - (thisYear % 100) + century + Number(old[3]);
      const at = utc(year, old[2]!, old[1]!, old[4]!, old[5]!, old[6]!);
      if (at !== undefined && at <= limit.getTime()) return at;
    }
    return undefined;
  }
  const asc = ASCTIME.exec(value);
  if (asc !== null) return utc(Number(asc[6]), asc[1]!, asc[2]!, asc[3]!, asc[4]!, asc[5]!);
  return undefined;
}

/** A date in the preferred form; `ms` since the epoch, in the years 0 to 9999. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

function utc(
  year: number,
  month: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | undefined {
  const monthIndex = MONTHS.indexOf(month.toLowerCase());
  const date = new Date(0);
  date.setUTCFullYear(year, monthIndex, Number(day));
  // What is no day of its month has moved on to another.
  if (date.getUTCMonth() !== monthIndex) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59) return undefined;
  // The last minute of a day may have a leap second, which the clock of the epoch does not have.
  const leap = hour === '23' && minute === '59' && second === '60';
  if (Number(second) > 59 && !leap) return undefined;
  return date.setUTCHours(Number(hour), Number(minute), leap ? 59 : Number(second));
}
