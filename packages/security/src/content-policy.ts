/** A Content Security Policy as text, with what is added to it (CSP 3 §2.2). */

/** The policy with the name of the endpoint that hears of violations, unless it names one. */
export function withReportTo(policy: string, endpoint: string | undefined): string {
  if (endpoint === undefined || /(?:^|;)\s*report-to\s/.test(policy)) return policy;
  return `${policy};report-to ${endpoint}`;
}

/**
 * The policy in which a nonce allows what carries it. A directive that is not there begins as
 * what stands in for it, `default-src` (§6.8.3).
 */
export function withNonce(policy: string, directives: readonly string[], nonce: string): string {
  const parts = policy.split(';').map((part) => part.trim());
  const sourcesOf = (name: string): string | undefined =>
    parts.find((part) => part.split(/\s/, 1)[0] === name)?.slice(name.length);
  for (const name of directives) {
    const own = sourcesOf(name);
    const sources = (own ?? sourcesOf('default-src') ?? '')
      .split(/\s+/)
      // Beside anything else it means nothing (§6.7.2.7), and browsers warn of it.
      .filter((source) => source !== '' && source !== "'none'");
    const changed = [name, ...sources, `'nonce-${nonce}'`].join(' ');
    if (own === undefined) parts.push(changed);
    else parts[parts.indexOf(name + own)] = changed;
  }
  return parts.join(';');
}
