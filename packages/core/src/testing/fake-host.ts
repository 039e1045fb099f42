/** A whole for the tests of one component: whatever the test does not say does nothing. */
import type { Host } from '../host.ts';

/** Makes a host; `given` replaces what matters to the test. It can be written to. */
export function fakeHost(given: Partial<Host> = {}): { -readonly [K in keyof Host]: Host[K] } {
  return {
    state: 'ready',
    components: () => [],
    handle: () => undefined,
    answerError: () => undefined,
    onServer: () => undefined,
    traffic: () => [],
    timeRequests: () => () => undefined,
    admitUpgrade: () => undefined,
    onDrain: () => undefined,
    drain: () => undefined,
    closeComponents: () => Promise.resolve({ closed: [], hung: [], failed: [], durationMs: 0 }),
    ...given,
  };
}
