/** Rules, compiled: addresses in a map, patterns behind it, answers as bytes. */
import { type FindRoute, routeTable } from '@org/core';
import type { Request } from 'express';

import type { EarlyReturnOptions, Rule } from './options.ts';
import type { Answers, Prebuilt } from './prebuilt.ts';

interface Compiled {
  readonly methods: ReadonlySet<string>;
  readonly when: ((req: Request) => boolean) | undefined;
  readonly answer: Prebuilt;
}

/** Finds the answer of a rule; nothing where none matches. */
export type FindAnswer = (req: Request) => Prebuilt | undefined;

const DAY_S = 86_400;

/** @throws OptionError for a pattern that is none */
export function compileRules(options: Readonly<EarlyReturnOptions>, answers: Answers): FindAnswer {
  const rules = [...options.rules, ...wellKnown(options)];
  if (rules.length === 0) return () => undefined;
  const exact = new Map<string, Compiled[]>();
  const patterns: { readonly find: FindRoute<true>; readonly rule: Compiled }[] = [];
  for (const rule of rules) {
    const compiled = compile(rule, answers);
    if (/[:*{}()[\]?+!\\]/.test(rule.path)) {
      patterns.push({ find: routeTable('earlyReturn', { [rule.path]: true }), rule: compiled });
    } else {
      exact.set(rule.path, [...(exact.get(rule.path) ?? []), compiled]);
    }
  }
  return (req) => {
    const { url } = req;
    const end = url.indexOf('?');
    for (const rule of exact.get(end === -1 ? url : url.slice(0, end)) ?? NONE) {
      if (matches(rule, req)) return rule.answer;
    }
    for (const { find, rule } of patterns) {
      if (find(url) === true && matches(rule, req)) return rule.answer;
    }
    return undefined;
  };
}

const NONE: readonly Compiled[] = Object.freeze([]);

function matches({ methods, when }: Compiled, req: Request): boolean {
  return methods.has(req.method) && (when === undefined || when(req));
}

function compile(rule: Rule, answers: Answers): Compiled {
  const { methods = ['GET'], headers = {}, body, when } = rule;
  const { status = body === undefined ? 204 : 200 } = rule;
  return {
    // RFC 9110 §9.3.2: the head of GET.
    methods: new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods),
    when,
    answer: answers.make(status, headers, body),
  };
}

function wellKnown({ pings, favicon, robots }: Readonly<EarlyReturnOptions>): readonly Rule[] {
  const cached = { 'Cache-Control': `public, max-age=${DAY_S}` };
  return [
    ...pings.map((path): Rule => ({ path, headers: { 'Cache-Control': 'no-store' } })),
    ...(favicon ? [{ path: '/favicon.ico', headers: cached }] : []),
    ...(robots === false
      ? []
      : [
          {
            path: '/robots.txt',
            headers: cached,
            // RFC 9309 §2.2.
            body: robots === 'deny' ? 'User-agent: *\nDisallow: /\n' : robots,
          },
        ]),
  ];
}
