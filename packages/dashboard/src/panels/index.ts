/** The panels in the order in which the page shows them; one whose component is absent is left out. */
import type { Panel } from '../panel.ts';
import type { Sources } from '../sources.ts';
import { cache } from './cache.ts';
import { circuits } from './circuits.ts';
import { errors } from './errors.ts';
import { health } from './health.ts';
import { jobs } from './jobs.ts';
import { latency } from './latency.ts';
import { limits } from './limits.ts';
import { others } from './others.ts';
import { overview } from './overview.ts';
import { pipeline } from './pipeline.ts';
import { pools } from './pools.ts';
import { queue } from './queue.ts';
import { eventLoop, memory } from './runtime.ts';
import { sockets } from './sockets.ts';
import { throughput } from './throughput.ts';
import { consumers, endpoints } from './usage.ts';

const PANELS: readonly ((sources: Sources) => Panel | undefined)[] = Object.freeze([
  overview,
  throughput,
  latency,
  eventLoop,
  pipeline,
  errors,
  health,
  endpoints,
  consumers,
  cache,
  queue,
  limits,
  circuits,
  pools,
  sockets,
  jobs,
  memory,
  others,
]);

/** Every panel that there is something for. */
export function panelsOf(sources: Sources): readonly Panel[] {
  return PANELS.flatMap((make) => make(sources) ?? []);
}
