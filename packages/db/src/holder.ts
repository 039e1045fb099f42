/** Who has a connection, in a sentence for whoever waited for it in vain. */
import { stackOf } from './call-site.ts';
import type { PoolWatch } from './pool-watch.ts';

/** The longest holder of a watched pool; `lead` begins the sentence. */
export function describeHolder(watch: PoolWatch | undefined, lead: string): string {
  const holder = watch?.longest;
  if (watch === undefined || holder === undefined) {
    return 'Nobody knows whose: switch the monitoring of the pool on.';
  }
  const { method, route, heldMs, query, line } = watch.leak(holder);
  const whose =
    holder.exchange === undefined ? 'no request' : `${method} ${route ?? 'without a route'}`;
  const from = line === undefined ? '' : `, from ${line}`;
  const last = query === undefined ? 'none' : JSON.stringify(query);
  const stack = holder.site === undefined ? '.' : `. It was taken\n${stackOf(holder.site)}`;
  return `${lead} that of ${whose}, since ${heldMs} ms${from}, with the last statement ${last}${stack}`;
}
