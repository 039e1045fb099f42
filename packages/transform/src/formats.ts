/** How dates and numbers are written, each as a function that is made once. */

/** A text of ISO 8601, or seconds or milliseconds since 1970. */
export type DateStyle = 'iso' | 'unix-s' | 'unix-ms';

/** Writes a value of one kind in its form, and leaves one of another kind as it is. */
export type Format = (value: unknown) => unknown;

/** What is surely one instant or one day: RFC 3339 §5.6. A time without its zone is neither. */
const INSTANT = /^\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d))?$/;

/** Writes a `Date`. One that is invalid becomes null, as in JSON. */
export function dateFormat(style: DateStyle): (date: Date) => unknown {
  if (style === 'iso') return (date) => date;
  if (style === 'unix-ms') return (date) => date.getTime();
  return (date) => Math.floor(date.getTime() / 1000);
}

/** Writes a `Date`, or a text that is one. Numbers stay: their unit is not known. */
export function instantFormat(style: DateStyle): Format {
  const write = dateFormat(style);
  return (value) => {
    if (value instanceof Date) return write(value);
    if (typeof value !== 'string' || !INSTANT.test(value)) return value;
    const date = new Date(value);
    return Number.isNaN(date.getTime()) ? value : write(date);
  };
}

/** A number with at most so many decimals. */
export function roundedFormat(places: number): Format {
  return (value) => (isFinite(value) ? Number(value.toFixed(places)) : value);
}

/** A text with exactly so many decimals, as for amounts of money: 12.5 becomes "12.50". */
export function fixedFormat(places: number): Format {
  return (value) => {
    if (!isFinite(value)) return value;
    const text = value.toFixed(places);
    return Number(text) === 0 && text.startsWith('-') ? text.slice(1) : text;
  };
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}
