/** What a worker is called in diagnoses. */
import { hostname } from 'node:os';

/** Machine and process, such as `web-1:4711`. */
export function workerName(): string {
  return `${hostname()}:${process.pid}`;
}
