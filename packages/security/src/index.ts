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
  type NoteFindings,
  type RouteThreats,
  type ThreatMode,
  THREATS_DEFAULTS,
  type ThreatsOptions,
} from './threats/options.ts';
export { type LoggedRequest, replay, type ReplayReport } from './threats/replay.ts';
export type { Field, Fields } from './threats/request-inspector.ts';
export { type Threats, threats } from './threats/threats.ts';
