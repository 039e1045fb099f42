export type {
  AnswerDescription,
  EarlierDescription,
  Method,
  ProblemType,
  RouteAnswer,
  RouteAnswers,
  RouteDescription,
  RouteExample,
  SecurityRequirement,
  Sent,
  SharedDescription,
  Valid,
} from './description.ts';
export { type ComparedDocument, diff } from './diff.ts';
export type { DocumentChange, Severity } from './diff-change.ts';
export type { OpenapiDocument, PathItem } from './document.ts';
export type { Drift, DriftedOperation } from './drift.ts';
export { openapi, type Openapi } from './openapi.ts';
export type { OperationObject } from './operation.ts';
export type { ParameterObject } from './parameters.ts';
export { type ApiInfo, type ApiServer, OPENAPI_DEFAULTS, type OpenapiOptions } from './options.ts';
export type { ResponseObject } from './problem-answers.ts';
export {
  type MakeRoute,
  route,
  type RouteHandler,
  type RouteRequest,
  type Routes,
  routes,
  type RouteWork,
} from './route.ts';
export type { JsonSchema, RouteSchema, SchemaPair, ValidatorOf } from './schema.ts';
export type { Version, VersionChange } from './version-list.ts';
