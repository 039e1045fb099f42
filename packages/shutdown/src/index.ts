export { SHUTDOWN_DEFAULTS, type ShutdownOptions } from './options.ts';
export { type Shutdown, shutdown } from './shutdown.ts';
export { exitCodeOf, type ShutdownPhase, type ShutdownReport } from './shutdown-report.ts';
