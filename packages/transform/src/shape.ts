/** A shape, as it is declared: what becomes of a value between the handler and the client. */
import type { Exchange } from '@org/core';

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
  /** What else stands in it. @default nothing */
  readonly meta?: (value: unknown, exchange: Exchange) => object | undefined;
}

/** A link that is added to each object of a place. */
export interface Link {
  /** Where the objects lie, such as `items`. @default the value itself */
  readonly at?: string;
  /** The member that it becomes. @default the name under which it stands, among `links` */
  readonly href: string;
}

/** Where a page stands among others. Addresses by relation (RFC 8288), and how many there are in all. */
export interface Pagination {
  readonly links?: Readonly<Record<string, string | null | undefined>>;
  readonly total?: number;
}

/** What becomes of a value. Paths have dots, `*` stands for any member, and arrays are gone through. */
export interface Shape {
  /** Lets clients choose members. @default false */
  readonly fields?: boolean | FieldSelection;
  /** How names are written. @default as they are */
  readonly case?: 'camel' | 'snake' | 'kebab';
  /** Paths of objects whose names are data, not names: a dictionary keeps its keys. @default [] */
  readonly dictionaries?: readonly string[];
  /** Paths of members that are taken away, or masked. @default [] */
  readonly redact?: readonly string[];
  /** What stands in the place of a redacted member. @default it is taken away */
  readonly mask?: string;
  /** How dates are written: a text of ISO 8601, or seconds or ms since the epoch. @default "iso" */
  readonly dates?: 'iso' | 'unix-s' | 'unix-ms';
  /** Decimals of numbers, by path. @default {} */
  readonly decimals?: Readonly<Record<string, number>>;
  /** Links by name, with `{member}` in their addresses. @default {} */
  readonly links?: Readonly<Record<string, Link>>;
  /** Puts the value into an outer object. @default false */
  readonly envelope?: boolean | Envelope;
  /** Tells `Link` and `X-Total-Count` of a page. @default none */
  readonly pagination?: (value: unknown, exchange: Exchange) => Pagination | undefined;
  /** Whether names of problem documents are rewritten and their members redacted as well. @default false */
  readonly problems?: boolean;
  /** Shapes for versions of the API, by `exchange.version`, in place of this one. @default {} */
  readonly versions?: Readonly<Record<string, Shape>>;
}
