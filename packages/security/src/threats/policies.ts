/** What holds for a request by its route, compiled once. */
import { routeTable } from '@org/core';

import type { Finding } from './finding.ts';
import { CleanValues } from './clean-values.ts';
import { compileInspector, type Inspector } from './inspector.ts';
import type { RouteThreats, ThreatMode, ThreatsOptions } from './options.ts';
import { type Fields, type HeaderValues, Inspection } from './request-inspector.ts';

/** One way of inspecting. */
export class Policy {
  readonly mode: ThreatMode;
  private readonly inspector: Inspector;
  private readonly settings: ThreatsOptions;
  /** Names of the headers to look at; none: all but those of the protocol. */
  private readonly headers: readonly string[] | undefined;
  private readonly fields: Fields;
  private readonly clean: CleanValues = new CleanValues();

  constructor(settings: ThreatsOptions, own: RouteThreats) {
    this.settings = settings;
    this.mode = own.mode ?? settings.mode;
    this.headers =
      settings.headers === 'all' ? undefined : settings.headers.map((name) => name.toLowerCase());
    this.fields = { ...settings.fields, ...own.fields };
    this.inspector = compileInspector({
      strictness: own.strictness ?? settings.strictness,
      threats: new Set(own.classes ?? settings.classes),
    });
  }

  /** What path, query, headers and cookies hold. */
  head(url: string, headers: HeaderValues): readonly Finding[] {
    const inspection = this.begin();
    inspection.url(url, this.clean);
    inspection.headers(headers, this.headers, this.clean);
    if (this.settings.cookies) inspection.cookies(headers['cookie']);
    return inspection.findings;
  }

  /** What a body holds, and the files that came with it. */
  body(body: unknown, files: unknown, mediaType: string): readonly Finding[] {
    const inspection = this.begin();
    inspection.body(body, mediaType.toLowerCase());
    if (files !== undefined) inspection.files(files);
    return inspection.findings;
  }

  private begin(): Inspection {
    return new Inspection(this.inspector, this.settings, this.fields);
  }
}

/** Finds the policy of an address; `false`: it is not inspected. */
export function policiesOf(settings: ThreatsOptions): (address: string) => Policy | false {
  const common = new Policy(settings, {});
  const patterns = Object.entries(settings.routes);
  if (patterns.length === 0) return () => common;
  const find = routeTable(
    'threats',
    Object.fromEntries(
      patterns.map(([pattern, own]) => [pattern, own === false ? own : new Policy(settings, own)]),
    ),
  );
  return (address) => find(address) ?? common;
}
