/** Dates: the three forms of RFC 9110 §5.6.7, and nothing else. */
import * as fc from 'fast-check';

import { httpDate, parseHttpDate } from '@org/core';

const NOW = Date.UTC(2026, 10, 24);
const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);
const parse = (value: string, nowMs: number = NOW) => parseHttpDate(value, nowMs);

const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const two = (value: number) => String(value).padStart(2, '0');
/** Seconds since the epoch, in the years 0 to 9999. */
const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });

test.each([
  ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT'],
  ['RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT'],
  ['asctime', 'Sun Nov  6 08:49:37 1994'],
  ['asctime with two digits', 'Sun Nov 06 08:49:37 1994'],
  ['a weekday that is another', 'Mon, 06 Nov 1994 08:49:37 GMT'],
])('§5.6.7: %s is read', (_name, value) => {
  expect(parse(value)).toBe(EXAMPLE);
});

test.each([
  ['nothing', ''],
  ['a number', '0'],
  ['ISO 8601', '1994-11-06T08:49:37Z'],
  ['another zone', 'Sun, 06 Nov 1994 08:49:37 UTC'],
  ['an offset', 'Sun, 06 Nov 1994 08:49:37 +0000'],
  ['no zone', 'Sun, 06 Nov 1994 08:49:37'],
  ['a zone behind asctime', 'Sun Nov  6 08:49:37 1994 GMT'],
  ['a day of one digit', 'Sun, 6 Nov 1994 08:49:37 GMT'],
  ['an hour of one digit', 'Sun, 06 Nov 1994 8:49:37 GMT'],
  ['a year of two digits', 'Sun, 06 Nov 94 08:49:37 GMT'],
  ['a year of four digits in RFC 850', 'Sunday, 06-Nov-1994 08:49:37 GMT'],
  ['a short day in RFC 850', 'Sun, 06-Nov-94 08:49:37 GMT'],
  ['a long day in IMF-fixdate', 'Sunday, 06 Nov 1994 08:49:37 GMT'],
  ['a long month', 'Sun, 06 November 1994 08:49:37 GMT'],
  ['a day that is none', 'Xyz, 06 Nov 1994 08:49:37 GMT'],
  ['a month that is none', 'Sun, 06 Xyz 1994 08:49:37 GMT'],
  ['two spaces', 'Sun,  06 Nov 1994 08:49:37 GMT'],
  ['a space before', ' Sun, 06 Nov 1994 08:49:37 GMT'],
  ['a space behind', 'Sun, 06 Nov 1994 08:49:37 GMT '],
  ['a line behind', 'Sun, 06 Nov 1994 08:49:37 GMT\n'],
  ['two dates', 'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT'],
  ['day 0', 'Sun, 00 Nov 1994 08:49:37 GMT'],
  ['day 0 in asctime', 'Sun Nov  0 08:49:37 1994'],
  ['31 November', 'Sun, 31 Nov 1994 08:49:37 GMT'],
  ['29 February of a common year', 'Sun, 29 Feb 1900 08:49:37 GMT'],
  ['hour 24', 'Sun, 06 Nov 1994 24:00:00 GMT'],
  ['minute 60', 'Sun, 06 Nov 1994 08:60:00 GMT'],
  ['second 60 within a day', 'Sun, 06 Nov 1994 08:49:60 GMT'],
  ['second 61', 'Sat, 31 Dec 2016 23:59:61 GMT'],
  ['digits of another script', 'Sun, 0\u0666 Nov 1994 08:49:37 GMT'],
])('§5.6.7: %s is no date', (_name, value) => {
  expect(parse(value)).toBeUndefined();
});

test('§5.6.7: a leap second is the last second of its day', () => {
  expect(parse('Sat, 31 Dec 2016 23:59:60 GMT')).toBe(Date.UTC(2016, 11, 31, 23, 59, 59));
});

test('§5.6.7: 29 February is a day of a leap year', () => {
  expect(parse('Tue, 29 Feb 2000 00:00:00 GMT')).toBe(Date.UTC(2000, 1, 29));
});

test('§5.6.7: a year of two digits that is more than 50 years ahead is in the past', () => {
  const at = (value: string) => parse(`Monday, ${value} GMT`);
  expect(at('24-Nov-76 00:00:00')).toBe(Date.UTC(2076, 10, 24));
  expect(at('24-Nov-76 00:00:01')).toBe(Date.UTC(1976, 10, 24, 0, 0, 1));
  expect(at('01-Jan-77 00:00:00')).toBe(Date.UTC(1977, 0, 1));
  expect(at('01-Jan-00 00:00:00')).toBe(Date.UTC(2000, 0, 1));
  // Over the end of a century a year ahead is not a hundred behind.
  const lastDay = Date.UTC(2099, 11, 31);
  expect(parse('Friday, 01-Jan-00 00:00:00 GMT', lastDay)).toBe(Date.UTC(2100, 0, 1));
  expect(parse('Friday, 31-Dec-49 00:00:00 GMT', lastDay)).toBe(Date.UTC(2149, 11, 31));
  expect(parse('Friday, 31-Dec-50 00:00:00 GMT', lastDay)).toBe(Date.UTC(2050, 11, 31));
});

test('§5.6.7: every second comes back in each form', () => {
  fc.assert(
    fc.property(seconds, (second) => {
      const ms = second * 1000;
      const date = new Date(ms);
      const imf = httpDate(ms);
      const [day, , month, year, time] = imf.split(' ');
      const name = day!.slice(0, 3);
      const dayOfMonth = date.getUTCDate();
      const asctime = `${name} ${month} ${String(dayOfMonth).padStart(2)} ${time} ${year}`;
      const rfc850 = `${DAYS[date.getUTCDay()]}, ${two(dayOfMonth)}-${month}-${year!.slice(2)} ${time} GMT`;
      expect(imf).toHaveLength(29);
      expect(parse(imf)).toBe(ms);
      expect(parse(asctime)).toBe(ms);
      // Seen from its own time, a date is not far ahead.
      expect(parse(rfc850, ms)).toBe(ms);
    }),
  );
});

test('§5.6.7: a date with a sign changed is none, or is what it says', () => {
  const sign = fc.constantFrom(...Array.from('0123456789 ,:-GMTaprSu'));
  fc.assert(
    fc.property(seconds, fc.nat(28), sign, (second, at, other) => {
      const imf = httpDate(second * 1000);
      const changed = imf.slice(0, at) + other + imf.slice(at + 1);
      const parsed = parse(changed);
      const written = parsed === undefined ? undefined : httpDate(parsed).slice(5);
      // The weekday is not checked, and a leap second is written as the one before it.
      const said = changed.slice(5).replace('23:59:60', '23:59:59').toLowerCase();
      expect([undefined, said]).toContain(written?.toLowerCase());
    }),
    { numRuns: 2000 },
  );
});

test('any text is read without an error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parse(text)).toBeUndefined();
    }),
  );
});
