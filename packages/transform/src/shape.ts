/** A shape, as it is declared: what becomes of a value between the handler and the client. */
import type { Exchange } from '@org/core';

import type { DateStyle } from './formats.ts';

/** Which members a client may choose. */
export interface FieldSelection {
  /** The query parameter, such as `?fields=id,name,country.code`. @default "fields" */
  readonly parameter?: string;
  /** Where the resource lies in the value, such as `items`; arrays on the way are gone through. @default the value itself */
  readonly at?: string;
  /** Members that are always there. @default [] */
  readonly always?: readonly string[];
  /** All that may be asked for, by paths with dots; others are refused with 400. @default anything, and what is not there is left out */
  readonly known?: readonly string[];
}

/** An outer object around the value. */
export interface Envelope {
  /** The member that holds the value. @default "data" */
  readonly name?: string;
  /** What else stands in it, as `meta`; it is sent as it is. The value is the one before it is shaped. @default nothing */
  readonly meta?: (value: unknown, exchange: Exchange) => object | undefined;
}

/** A link that is added to each object of a place. */
export interface Link {
  /** Where the objects lie, such as `items`; arrays on the way are gone through. @default the value itself */
  readonly at?: string;
  /** The address, with members of the object in braces: `/cities/{id}`, `/countries/{country.code}`. */
  readonly href: string;
}

/** Where a page stands among others. */
export interface Pagination {
  /** Addresses by relation (RFC 8288 §3.3); those that are absent, null or empty are left out. */
  readonly links?: Readonly<Record<string, string | null | undefined>>;
  /** How many there are in all. */
  readonly total?: number;
}

/** Finds the page that a value is, in the value as it is before it is shaped. */
export type FindPage = (value: unknown, exchange: Exchange) => Pagination | undefined;

/** Where a value holds what it tells of its page: paths of addresses, and that of a number. */
export interface PlacedPage {
  readonly next?: string;
  readonly prev?: string;
  readonly first?: string;
  readonly last?: string;
  readonly total?: string;
}

/** What becomes of a value. Paths have dots, `*` stands for any member, and arrays are gone through. */
export interface Shape {
  /** Lets clients choose members. @default false */
  readonly fields?: boolean | FieldSelection;
  /** How names are written. @default as they are */
  readonly case?: 'camel' | 'snake' | 'kebab';
  /** Paths of objects whose names are data, not names: a dictionary keeps its keys. @default [] */
  readonly dictionaries?: readonly string[];
  /** Paths of members that are taken away, or masked; `**.password`: wherever it stands. @default [] */
  readonly redact?: readonly string[];
  /** What stands in the place of a redacted member. @default it is taken away */
  readonly mask?: string;
  /** How every `Date` is written; or, by path, each `Date` and each text that is an instant (RFC 3339). @default "iso" */
  readonly dates?: DateStyle | Readonly<Record<string, DateStyle>>;
  /** How many decimals numbers have at most, by path. @default {} */
  readonly decimals?: Readonly<Record<string, number>>;
  /** How many decimals numbers have exactly, by path; they become texts, such as amounts of money. @default {} */
  readonly fixed?: Readonly<Record<string, number>>;
  /** A BigInt is the error that `JSON.stringify` throws, or a text. @default "error" */
  readonly bigints?: 'error' | 'text';
  /** Links by name, with `{member}` in their addresses. @default {} */
  readonly links?: Readonly<Record<string, Link>>;
  /** Writes links as HAL has them, `_links: { self: { href } }`, in place of `links: { self }`. @default false */
  readonly hal?: boolean;
  /** Puts the value into an outer object. @default false */
  readonly envelope?: boolean | Envelope;
  /** Tells `Link` and `X-Total-Count` of a page, by the places where the value has them, or by a function. @default none */
  readonly pagination?: PlacedPage | FindPage;
  /** Whether problem documents get names, redactions and formats as well. @default false */
  readonly problems?: boolean;
  /** Shapes for versions of the API, by `exchange.version`, in place of this one. @default {} */
  readonly versions?: Readonly<Record<string, Shape>>;
}
