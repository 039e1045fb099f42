/**
 * `loadConfig` turns an environment, a `.env` file and a configuration file into
 * one frozen, typed configuration, or into one error that names everything wrong
 * with them. It reads and checks; it starts nothing and changes nothing.
 */
import {
  type Check,
  type Checks,
  either,
  type Given,
  listOf,
  oneOf,
  OptionError,
  resolveOptions,
  shape,
  text,
} from '@org/core';

import {
  type KnownComponent,
  COMPONENTS,
  type SwitchValues,
  switchSettings,
} from './components.ts';
import { Config } from './config.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { settingProblems } from './define-settings.ts';
import { resolveValues } from './resolve-values.ts';
import type { Setting, Settings, ValuesOf } from './setting.ts';
import { SETTINGS, type StandardValues } from './settings.ts';
import { type ConfigFile, dotenvLayer, fileLayer, type Layer } from './sources.ts';
import type { ConfigWarning } from './warnings.ts';

/** Where a configuration comes from, and what it may hold. */
export interface LoadOptions<S extends Settings = {}, N extends string = never> {
  /** The environment. @default process.env */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file, or what `readConfigFile` read. @default none */
  readonly file: string | ConfigFile;
  /** Path of a `.env` file; `false` reads none. @default `.env` in the working folder, if it exists */
  readonly dotenv: string | false;
  /** Values from code; stronger than all others. @default none */
  readonly overrides: { readonly [K in keyof ValuesWith<S, N>]?: ValuesWith<S, N>[K] | undefined };
  /** Settings of your own, from `defineSettings`. @default none */
  readonly settings: S;
  /** Components of your own that get a switch and a priority. @default none */
  readonly components: readonly (KnownComponent & { readonly name: N })[];
  /** Variables of other programs that look like ours. @default [] */
  readonly ignore: readonly string[];
}

/** The values of the house together with one's own. */
export type ValuesWith<S extends Settings, N extends string> = StandardValues &
  ValuesOf<S> &
  SwitchValues<N>;

/**
 * Loads a configuration.
 * @throws ConfigError naming everything that is wrong
 * @throws OptionError for wrong options of `loadConfig` itself
 */
export function loadConfig<const S extends Settings = {}, const N extends string = never>(
  options?: Given<LoadOptions<S, N>>,
): Config<ValuesWith<S, N>> {
  const given = resolveOptions('loadConfig', DEFAULTS, CHECKS, options as Given<Options>);
  const components = [...COMPONENTS, ...given.components];
  const settings = mergeSettings(given);
  const env = given.env ?? process.env;

  const problems: ConfigProblem[] = [];
  const warnings: ConfigWarning[] = [];
  const layers = [
    fileLayer(given.file, problems),
    dotenvLayer(given.dotenv, problems),
    { origin: Object.freeze({ layer: 'environment' }), values: env } satisfies Layer,
    { origin: Object.freeze({ layer: 'code' }), values: given.overrides } satisfies Layer,
  ].filter((layer) => layer !== undefined);
  const ignore = new Set(given.ignore);
  const resolved = resolveValues(settings, layers, ignore, problems, warnings);
  if (problems.length > 0) throw new ConfigError(problems, warnings);
  return new Config(settings, components, resolved, warnings, env['NODE_ENV'] === 'production');
}

/** The options without the types of one's own settings. */
interface Options {
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  readonly file: string | ConfigFile | undefined;
  readonly dotenv: string | false | undefined;
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
  readonly components: readonly KnownComponent[];
  readonly ignore: readonly string[];
}

const DEFAULTS: Options = Object.freeze({
  env: undefined,
  file: undefined,
  dotenv: undefined,
  overrides: {},
  settings: {},
  components: [],
  ignore: [],
});

const anObject: Check<object> = {
  ...shape<object>('an object', []),
  accepts: (value): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
};

const CHECKS: Checks<Options> = {
  env: anObject as Check<Readonly<Record<string, string | undefined>>>,
  file: either(text(), {
    expected: 'what readConfigFile() gives',
    accepts: (value): value is ConfigFile =>
      anObject.accepts(value) &&
      typeof (value as ConfigFile).path === 'string' &&
      anObject.accepts((value as ConfigFile).values),
  }),
  dotenv: either(text(), oneOf(false)),
  overrides: anObject as Check<Readonly<Record<string, unknown>>>,
  settings: anObject as Check<Settings>,
  components: listOf({
    expected: 'a component with a name',
    accepts: (value): value is KnownComponent =>
      anObject.accepts(value) && /^[a-z][a-z0-9-]*$/.test((value as KnownComponent).name),
  }),
  ignore: listOf(text()),
};

/** One table of the house's rows and one's own; nobody can redefine a row. */
function mergeSettings({ settings, components }: Options): Settings {
  const merged: Record<string, Setting> = { ...SETTINGS };
  const wrong = settingProblems(settings);
  if (wrong.length > 0) throw new OptionError('loadConfig', wrong);
  const own = [...Object.entries(switchSettings(components)), ...Object.entries(settings)];
  const taken = own.flatMap(([name, setting]) => {
    if (Object.hasOwn(merged, name)) return [`there is a setting "${name}" already; rename yours.`];
    merged[name] = setting;
    return [];
  });
  if (taken.length > 0) throw new OptionError('loadConfig', taken);
  return merged;
}
