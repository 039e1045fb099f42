/**
 * A piece of SQL with values between its texts, before anybody has numbered them: `pg` takes it as
 * text with `$1`, Kysely and Drizzle as a template of their own.
 */

/** Texts, and the values between them: one text more than there are values. */
export interface Fragment {
  readonly texts: readonly string[];
  readonly values: readonly unknown[];
}

/** A piece without values. */
export function raw(text: string): Fragment {
  return { texts: [text], values: [] };
}

/** Pieces as a template, such as ``piece`(${one} or ${other})` ``: pieces are set in, all else is a value. */
export function piece(texts: TemplateStringsArray, ...parts: readonly unknown[]): Fragment {
  const written: string[] = [texts[0]!];
  const values: unknown[] = [];
  for (const [at, part] of parts.entries()) {
    const after = texts[at + 1]!;
    if (isFragment(part)) {
      written[written.length - 1] += part.texts[0]!;
      written.push(...part.texts.slice(1));
      values.push(...part.values);
      written[written.length - 1] += after;
    } else {
      values.push(part);
      written.push(after);
    }
  }
  return { texts: written, values };
}

/** The text with `$n` for its values, the first of which is number `from`. */
export function numbered({ texts }: Fragment, from: number): string {
  return texts.reduce((text, one, at) => `${text}$${from + at - 1}${one}`);
}

function isFragment(part: unknown): part is Fragment {
  return typeof part === 'object' && part !== null && Array.isArray((part as Fragment).texts);
}
