export { abandon } from './abandon.ts';
export { addressOf } from './address.ts';
export {
  type Allowed,
  type AllowedMethods,
  allowedMethods,
  allowHeader,
} from './allowed-methods.ts';
export {
  type Call,
  type CallContext,
  type CallPolicy,
  type CallPolicyKind,
  compose,
  type ComposedPolicy,
} from './call-policy.ts';
export { type CallSite, callSite, folderOfCaller, framesOf, lineOf } from './call-site.ts';
export { clientNetwork } from './client-network.ts';
export { type Cancel, type Clock, MAX_DELAY_MS, systemClock } from './clock.ts';
export {
  closeInOrder,
  type Closing,
  type ClosingProgress,
  closingProgress,
  dependencyOrder,
  type Part,
  within,
} from './closing.ts';
export {
  COMPONENT,
  type Component,
  defineComponent,
  type HealthReport,
  type HealthStatus,
  isComponent,
  type Lifecycle,
  type Stats,
} from './component.ts';
export {
  CREDENTIAL_DEFAULTS,
  Credentials,
  type CredentialOptions,
  type Partition,
  partitionCheck,
} from './credentials.ts';
export { Exchange, exchangeOf, type StateKey, stateKey } from './exchange.ts';
export type { CloseReport, Host, HostState, Traffic } from './host.ts';
export { httpDate, parseHttpDate } from './http-date.ts';
export {
  type MemoryStore,
  MEMORY_STORE_DEFAULTS,
  memoryStore,
  type MemoryStoreOptions,
} from './memory-store.ts';
export {
  defineMiddleware,
  HANDLED,
  isMiddleware,
  type Middleware,
  type MiddlewareDefinition,
  type Placement,
  type Step,
  type StepResult,
} from './middleware.ts';
export { isForwardingHeader } from './forwarding-header.ts';
export { internalRequest, type InternalRequestInit } from './internal-request.ts';
export { type MonitoringAccess, monitoringAccess, monitoringGuard } from './monitoring-guard.ts';
export {
  boolean,
  bytes,
  clockCheck,
  type Check,
  type Checks,
  durationMs,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  OptionError,
  type Range,
  ratio,
  recordOf,
  resolveOptions,
  shape,
  text,
} from './options.ts';
export { isOwnedSocket, ownSocket } from './owned-socket.ts';
export { DEFAULT_PRIORITY, type Phase, PHASE_REASONS, PHASES } from './phases.ts';
export {
  type MonitoringAnswer,
  type MonitoringCall,
  type MonitoringPage,
  monitoringPage,
  type MonitoringRoute,
  monitoringRoutes,
} from './monitoring-routes.ts';
export { Percentiles, type Spread } from './percentiles.ts';
export { etagsOf, ifRangeMatches, isNotModified, strongEqual, weakEqual } from './preconditions.ts';
export { answerProblem, PROBLEM_JSON, problemDocument } from './problem-answer.ts';
export {
  type AppRoute,
  appRoutes,
  joinPatterns,
  type ListedRoute,
  type ListingRouter,
  MAX_ROUTER_DEPTH,
  mountPattern,
} from './listed-routes.ts';
export { nameOfToken, pointerFragment, pointerToken } from './json-pointer.ts';
export { Listeners } from './listeners.ts';
export { hasCode, ProblemError, type ProblemInit } from './problem-error.ts';
export { type Correlated, isPropagator, type Propagator } from './propagator.ts';
export { isRecoverer, type Recoverer } from './recoverer.ts';
export { callHook, type Fault, FAULT_CHANNEL, report } from './report.ts';
export { hasNoBody, ResponseHead } from './response-head.ts';
export { answerHeld } from './response-hold.ts';
export { tapApplication } from './response-tap.ts';
export { transformProblem } from './response-stages.ts';
export { NDJSON, sendLines } from './send-lines.ts';
export { EXCHANGE } from './tapped.ts';
export { routePattern } from './route-pattern.ts';
export { type FindRoute, routeTable } from './route-table.ts';
export {
  PARAMETER_PLACES,
  type PartIssues,
  requestProblem,
  type RequestPart,
  type SchemaIssue,
  schemaIssue,
  type ValidationIssue,
  validationIssue,
  validationProblem,
} from './validation-problem.ts';
export {
  type AnswerInstead,
  type BodySink,
  defineStages,
  type EncodedBody,
  type StageHandlers,
  type Stages,
  type StreamEncoder,
  type ValueKind,
} from './stages.ts';
export {
  type Bus,
  type BusMessage,
  type CallOptions,
  checkTtl,
  type ClaimStore,
  type Count,
  type CounterStore,
  keepSliceMs,
  type KeyValueStore,
  type MaybePromise,
  type Slice,
  type SlidingCounterStore,
  type Store,
  storeTimeout,
  storeUnavailable,
  type TagStore,
} from './store.ts';
export { nearest } from './suggest.ts';
export { FLUSH_SPAN, HANDLER_SPAN, type Span, Timeline } from './timeline.ts';
export type { TraceContext } from './trace-context.ts';
export { answerWhole } from './whole-answer.ts';
