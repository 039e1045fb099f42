/** Which coding a request gets (RFC 9110 §12.5.3): negotiated once per value of the field. */
import Negotiator from 'negotiator';

import type { Coding } from './options.ts';

/** What a request gets. */
export interface Choice {
  /** Undefined: none of those on offer. */
  readonly coding: Coding | undefined;
  /** The client refuses the identity: what can be coded is, whether or not it pays. */
  readonly must: boolean;
}

/** Values of the field whose choice is remembered, and how long they may be. */
const MAX_CHOICES = 256;
const MAX_CHOICE_LENGTH = 256;
const NONE: Choice = Object.freeze({ coding: undefined, must: false });

/** The server's preference among what clients like equally is younger than the library's types. */
interface PreferringNegotiator {
  encodings(
    available: readonly string[],
    options: { readonly preferred: readonly string[] },
  ): readonly string[];
}

export class Choices {
  private readonly offered: readonly Coding[];
  private readonly unstated: Choice;
  private readonly choices: Map<string, Choice> = new Map();

  /** `offered` in order of preference; `enforced` is for requests that state nothing. */
  constructor(offered: readonly Coding[], enforced?: Coding) {
    this.offered = offered;
    this.unstated =
      enforced !== undefined && offered.includes(enforced)
        ? Object.freeze({ coding: enforced, must: false })
        : NONE;
  }

  /** The choice for a value of `Accept-Encoding`; several lines of it are one list (RFC 9110 §5.3). */
  of(acceptEncoding: string | undefined): Choice {
    // An empty field accepts the identity only (§12.5.3); a default says that it is taken as none.
    if (acceptEncoding === undefined || acceptEncoding === '') return this.unstated;
    const known = this.choices.get(acceptEncoding);
    if (known !== undefined) return known;
    const choice = this.choose(acceptEncoding);
    if (acceptEncoding.length > MAX_CHOICE_LENGTH) return choice;
    if (this.choices.size >= MAX_CHOICES) this.choices.clear();
    this.choices.set(acceptEncoding, choice);
    return choice;
  }

  private choose(acceptEncoding: string): Choice {
    const negotiator = new Negotiator({
      // RFC 9110 §8.4.1.3: the same as gzip.
      headers: { 'accept-encoding': acceptEncoding.replaceAll(/\bx-gzip\b/gi, 'gzip') },
    }) as unknown as PreferringNegotiator;
    const accepted = negotiator.encodings([...this.offered, 'identity'], {
      preferred: this.offered,
    });
    const coding = this.offered.find((name) => name === accepted[0]);
    return Object.freeze({ coding, must: coding !== undefined && !accepted.includes('identity') });
  }
}
