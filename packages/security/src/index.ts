export type { BlockView } from './blocks-route.ts';
export { CSRF_DEFAULTS, type CsrfOptions, type CsrfTokenOptions } from './csrf-options.ts';
export { csrf, type Csrf } from './csrf.ts';
export {
  type BlockedEvent,
  type LiftedEvent,
  type NotedEvent,
  type RefusedEvent,
  SECURITY_CHANNEL,
  type SecurityEvent,
} from './events.ts';
export { HEADERS_DEFAULTS, type HeadersOptions } from './headers-options.ts';
export { headers } from './headers.ts';
export {
  REPUTATION_DEFAULTS,
  type ReputationOptions,
  type ReputationStore,
} from './reputation-options.ts';
export { type ManualBlock, reputation, type Reputation } from './reputation.ts';
export {
  type CleanHtml,
  type Duplicates,
  SANITISE_DEFAULTS,
  type SanitiseOptions,
} from './sanitise-options.ts';
export { sanitise, type SanitisedRequest } from './sanitise.ts';
export { security, type Security, SECURITY_DEFAULTS, type SecurityOptions } from './security.ts';
export { type AjvValidate, fromAjv } from './standard-schema.ts';
export {
  type RequestSchemas,
  type Valid,
  validate,
  VALIDATE_DEFAULTS,
  type Validate,
  type ValidateOptions,
  type ValidRequest,
} from './validate.ts';
export { type OnThreatEvent, THREATS_CHANNEL, type ThreatEvent } from './threats/events.ts';
export {
  type Evidence,
  type Finding,
  type Part,
  type Place,
  type Threat,
  THREATS,
} from './threats/finding.ts';
export {
  compileInspector,
  type FieldKind,
  type Inspector,
  type InspectorOptions,
  type Strictness,
} from './threats/inspector.ts';
export {
  type RouteThreats,
  type ThreatMode,
  THREATS_DEFAULTS,
  type ThreatsOptions,
} from './threats/options.ts';
export { type LoggedRequest, replay, type ReplayReport } from './threats/replay.ts';
export type { Field, Fields } from './threats/request-inspector.ts';
export { type Threats, threats } from './threats/threats.ts';
