export { type CommandInput, runCommand } from './command.ts';
export {
  type ComponentName,
  COMPONENTS,
  type EnvironmentName,
  environmentName,
  type KnownComponent,
  priorityOf,
  switchOf,
  type SwitchValues,
} from './components.ts';
export { Config, type SetupSettings } from './config.ts';
export { ConfigError, type ConfigProblem } from './config-error.ts';
export { defineSettings } from './define-settings.ts';
export { loadConfig, type LoadOptions, type ValuesWith } from './load-config.ts';
export type {
  BooleanSetting,
  ChoiceSetting,
  CustomSetting,
  Feed,
  ListSetting,
  NumberSetting,
  Setting,
  Settings,
  TextSetting,
  UrlSetting,
  ValueOf,
  ValuesOf,
} from './setting.ts';
export type { TrustProxy } from './networks.ts';
export {
  type GeneralValues,
  type LogLevel,
  type NPlusOne,
  SETTINGS,
  type StandardOptions,
  type StandardValues,
} from './settings.ts';
export { type ConfigFile, type LayerName, type Origin, readConfigFile } from './sources.ts';
export { formatTable, type TableRow } from './table.ts';
export type { ConfigWarning } from './warnings.ts';
