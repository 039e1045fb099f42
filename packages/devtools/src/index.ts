export type { AnswerChange, AnswerDiff } from './changes.ts';
export { type CommandInput, runCommand } from './command.ts';
export type { ExchangeList, FaultList, RouteList } from './desk.ts';
export { devtools, FAULT_HEADER } from './devtools.ts';
export type {
  ExchangeRecord,
  ExchangeSummary,
  KeptAnswer,
  KeptBody,
  KeptError,
  KeptHeaders,
  KeptSpan,
  RepeatedStatement,
  Replay,
} from './exchange-record.ts';
export type { FaultKind, FaultReport, FaultRule } from './fault-rules.ts';
export { FAULT_INJECTED } from './injector.ts';
export { MOCK_ANSWER, type MockSchema, type ToJsonSchema } from './mocks.ts';
export { DEVTOOLS_DEFAULTS, type DevtoolsOptions } from './options.ts';
export { REPLAY_HEADER } from './replay-request.ts';
export type { ReplayAllResult, ReplayResult } from './replays.ts';
export type { RouteReport } from './route-list.ts';
export type { JsonSchema, SchemaObject } from './schema.ts';
export { type Finding, FINDING_CHANNEL } from './statements.ts';
