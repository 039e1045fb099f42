export type { Outcome } from './answer.ts';
export {
  type CatalogueOptions,
  defineProblems,
  type MemberName,
  type Occurrence,
  type ProblemDefinition,
  type ProblemKind,
  type Problems,
  problemsJson,
  problemsMarkdown,
} from './catalogue.ts';
export type { ProblemDocument } from './document.ts';
export {
  type ErrorListener,
  type ErrorMessage,
  type Errors,
  errors,
  ERRORS_CHANNEL,
  ERRORS_DEFAULTS,
  type ErrorsOptions,
} from './errors.ts';
export type { ErrorMapper } from './mapper.ts';
export type { Renderer } from './media.ts';
export { NonErrorThrown } from './thrown.ts';
export type { ValidationIssue } from '@org/core';
