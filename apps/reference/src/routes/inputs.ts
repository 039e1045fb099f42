/** Forms that several routes' inputs share. */
import { z } from 'zod';

/** Largest value of Postgres' `integer`. */
const MAX_INT = 2_147_483_647;

/** A whole number as a URL has it. */
export function wholeNumber(min: number, max: number = MAX_INT): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .meta({ type: 'integer', minimum: min, maximum: max });
}

/** Text for people, without control characters; Postgres refuses the character 0 in particular. */
export function plainText(maxLength: number): z.ZodType<string> {
  return (
    z
      .string()
      .trim()
      .min(1, 'must not be empty')
      .max(maxLength, `must be at most ${maxLength} characters`)
      // Told in words: as a pattern, pages that try requests would read it without its flag, and refuse all.
      .refine((text) => !/\p{Cc}/u.test(text), 'must not contain control characters')
  );
}

/** An ISO 3166-1 code of two letters, in any case. */
export const countryCode: z.ZodType<string> = z
  .string()
  .regex(/^[A-Za-z]{2}$/, 'must be a country code of two letters, such as FR')
  .toUpperCase();

/** What an address of something with a UUID names. */
export const oneByUuid: z.ZodType<{ readonly id: string }> = z.object({
  id: z.uuid('must be a UUID'),
});
