/**
 * What a setting is: one row of the table. A row is data, so that one table parses,
 * checks, explains and documents itself; the packages' own checks come after it.
 */

/** Where a value goes: an option of a component, in the option's own unit. */
export interface Feed {
  /** Name of the component. */
  readonly component: string;
  /** Name of its option. */
  readonly option: string;
  /** What the value is multiplied by on the way: 1000 from seconds to an option that ends in `Ms`. @default 1 */
  readonly factor?: number;
}

/** What every kind of setting has. */
interface Row<T> {
  /** The value when nobody gives one; absent for none. */
  readonly default?: T;
  /** One line for people. */
  readonly help: string;
  /** Options that the value becomes. @default none */
  readonly feeds?: readonly Feed[];
  /** Components that run only while this switch is on. @default none */
  readonly gates?: readonly string[];
  /** The value is never shown; of a URL, its credentials are not. @default false */
  readonly secret?: boolean;
}

/** `true`, `false`, `1`, `0`, `yes`, `no`, `on`, `off`. */
export interface BooleanSetting extends Row<boolean> {
  readonly type: 'boolean';
}

/** A number, in plain decimal digits and without its unit. */
export interface NumberSetting extends Row<number> {
  readonly type: 'integer' | 'number';
  /** The only unit that the number is in. */
  readonly unit?: 's' | 'ms' | 'bytes';
  /** Both bounds are included. */
  readonly min?: number;
  readonly max?: number;
  /** Name of a setting whose value is not exceeded either. */
  readonly atMost?: string;
}

/** Text, of a form if `pattern` is given. */
export interface TextSetting extends Row<string> {
  readonly type: 'text';
  readonly pattern?: RegExp;
  /** Completes "must be …". */
  readonly expected?: string;
}

/** An absolute URL. */
export interface UrlSetting extends Row<string> {
  readonly type: 'url';
  /** Such as `redis:`. @default any */
  readonly protocols?: readonly string[];
}

/** One of some words, in any case. */
export interface ChoiceSetting<C extends string = string> extends Row<C> {
  readonly type: 'choice';
  readonly choices: readonly C[];
  /** Other words for them, in lower case: what another program calls the same. @default none */
  readonly aliases?: Readonly<Record<string, C>>;
}

/** Words with commas between them. */
export interface ListSetting extends Row<readonly string[]> {
  readonly type: 'list';
}

/** A form of its own. */
export interface CustomSetting<T = unknown> extends Row<T> {
  readonly type: 'custom';
  /** Completes "must be …". */
  readonly expected: string;
  /** The value of a text; where it is none, `undefined` or a throw. */
  parse(text: string): T | undefined;
}

/** One row of the table. */
export type Setting =
  | BooleanSetting
  | NumberSetting
  | TextSetting
  | UrlSetting
  | ChoiceSetting
  | ListSetting
  | CustomSetting;

/** Rows by their environment names. */
export type Settings = Readonly<Record<string, Setting>>;

/** The type of a setting's value while there is one. */
type Present<S extends Setting> = S extends { readonly type: 'boolean' }
  ? boolean
  : S extends { readonly type: 'integer' | 'number' }
    ? number
    : S extends { readonly type: 'choice'; readonly choices: readonly (infer C)[] }
      ? C
      : S extends { readonly type: 'list' }
        ? readonly string[]
        : S extends { readonly type: 'custom'; parse(text: string): infer T }
          ? Exclude<T, undefined>
          : string;

/** The type of a setting's value. */
export type ValueOf<S extends Setting> = S extends { readonly default: {} }
  ? Present<S>
  : Present<S> | undefined;

/** The types of a table's values. */
export type ValuesOf<T extends Settings> = { readonly [K in keyof T]: ValueOf<T[K]> };
