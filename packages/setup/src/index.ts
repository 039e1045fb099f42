export { CATALOGUE_NAMES, standard, type StandardSettings } from './catalogue.ts';
export type { Explanation, ExplainRow } from './explain.ts';
export {
  isLazy,
  lazy,
  type LazyMiddleware,
  type LazyOptions,
  type LazyPlacement,
  type Load,
} from './lazy.ts';
export type { MessageClasses } from './message-classes.ts';
export type { Parts } from './registry.ts';
export type { RouteMatch, RouteScope } from './route-scope.ts';
export { SERVER_DEFAULTS, type ServerSettings } from './server.ts';
export { setup, type Stack } from './setup.ts';
export { SetupError } from './setup-error.ts';
export { SETUP_DEFAULTS, type SetupOptions } from './setup-options.ts';
