/** Which text a scraper gets, by what it accepts (RFC 9110 §12.5.1). */
import type { Format } from './exposition.ts';

/**
 * OpenMetrics for who prefers it to plain text by name, in a version that we speak, and Prometheus'
 * own text for everybody else, people with browsers among them.
 */
export function formatFor(accept: string | undefined): Format {
  if (accept === undefined) return 'prometheus';
  let open = 0;
  let plain = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = weightOf(parameters);
    if (type === 'application/openmetrics-text') {
      const version = valueOf(parameters, 'version');
      if (version === undefined || /^"?(?:0\.0\.1|1\.0\.0)"?$/.test(version))
        open = Math.max(open, quality);
    } else if (type === 'text/plain') {
      plain = Math.max(plain, quality);
    }
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'prometheus';
}

function weightOf(parameters: readonly string[]): number {
  const text = valueOf(parameters, 'q');
  if (text === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

function valueOf(parameters: readonly string[], name: string): string | undefined {
  return parameters.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
}
