/**
 * Inspects one value. Pure: no request, no clock, nothing remembered. A value is scanned once
 * for the characters that matter; most have none and are done. The others are looked at in each
 * form in which they may be understood, by the grammars whose characters they have.
 */
import { charactersOf, HAS } from './characters.ts';
import { inspectCommand } from './command.ts';
import {
  type Evidence,
  excerptOf,
  type Finding,
  type Part,
  type Place,
  type Threat,
} from './finding.ts';
import { inspectHeader } from './header.ts';
import { inspectName, inspectNosql } from './names.ts';
import { Notes } from './notes.ts';
import { inspectSql } from './sql.ts';
import { inspectSsrf } from './ssrf.ts';
import { inspectTemplate } from './template.ts';
import { inspectTraversal } from './traversal.ts';
import { viewsOf } from './views.ts';
import { inspectEntities } from './xml.ts';
import { inspectXss } from './xss.ts';

/** What a field is meant to hold: markup, source code or other technical text, prose, or anything. */
export type FieldKind = 'plain' | 'text' | 'html' | 'code';

/** 1: only what can hardly be anything else. 2: everyday traffic passes. 3 and 4: suspicion is enough. */
export type Strictness = 1 | 2 | 3 | 4;

export interface InspectorOptions {
  readonly strictness: Strictness;
  /** Classes that are looked for. */
  readonly threats: ReadonlySet<Threat>;
}

export interface Inspector {
  /** What a value holds; nothing, mostly. */
  inspect(place: Place, value: string, kind?: FieldKind): readonly Finding[];
  /** What a name holds: of a parameter, a member, a header. */
  inspectName(part: Part, name: string, operators?: boolean): readonly Finding[];
  /** What the head of an XML document declares: entities that read files or call out. */
  inspectDeclarations(part: Part, xml: string): readonly Finding[];
}

/** Scores from which on evidence is a finding. */
const THRESHOLDS: Readonly<Record<Strictness, number>> = Object.freeze({ 1: 8, 2: 5, 3: 4, 4: 3 });
const MAX_SCORE = 10;
const NONE: readonly Finding[] = Object.freeze([]);

/** Characters of words, numbers, dates and addresses of mail; without any other, a value is plain. */
const TELLING = ~(HAS.at | HAS.comma | HAS.space | HAS.plus | HAS.wide);

/** Letters and dots can still be a hidden file, or a way into a prototype. */
const NAMES = /^\.|__proto__|constructor\./;

/** Letters only can still be a clause: `AND true`. */
const CLAUSE =
  /^\s*(?:x?or|and|union|select|having|order|group|waitfor|exec|drop|where|sleep)\b|\b(?:union|waitfor|select|case\s+when)\b/i;
const SHELL_WORDS = /^(?:invoke-|powershell|cmd|\/?bin)/i;

/** Whether a text is words and numbers, and not those that are a clause or a command by themselves. */
function isPlain(text: string, characters: number): boolean {
  return (
    (characters & TELLING) === 0 &&
    !NAMES.test(text) &&
    !CLAUSE.test(text) &&
    !SHELL_WORDS.test(text)
  );
}

/** Makes an inspector. */
export function compileInspector({ strictness, threats }: InspectorOptions): Inspector {
  const threshold = THRESHOLDS[strictness];
  const notes = new Notes();
  const [sqli, xss, command, traversal, template, nosql, pollution, header, ssrf] = (
    [
      'sqli',
      'xss',
      'command',
      'traversal',
      'template',
      'nosql',
      'pollution',
      'header',
      'ssrf',
    ] as const
  ).map((threat) => threats.has(threat));

  function analyse(
    text: string,
    characters: number,
    coded: boolean,
    part: Part,
    kind: FieldKind,
  ): void {
    if (kind !== 'code') {
      if (sqli) inspectSql(text, characters, notes);
      if (command) inspectCommand(text, characters, notes);
      if (template) inspectTemplate(text, characters, notes);
      if (nosql || pollution) inspectNosql(text, characters, notes);
      if (xss && kind !== 'html') inspectXss(text, characters, coded, notes);
    }
    if (traversal) inspectTraversal(text, characters, part, notes);
    if (header && (characters & (HAS.control | HAS.backslash)) !== 0) inspectHeader(text, notes);
    if (ssrf && ((characters & HAS.colon) !== 0 || text.includes('//'))) inspectSsrf(text, notes);
  }

  /** The findings of one text, of those classes that are on. */
  function conclude(place: Place, text: string, found: Finding[], needed: number): void {
    for (const [threat, list] of notes.byThreat()) {
      if (!threats.has(threat) || found.some((finding) => finding.threat === threat)) continue;
      const score = Math.min(
        MAX_SCORE,
        list.reduce((sum, note) => sum + note.score, 0),
      );
      if (score < needed) continue;
      const evidence = list.map(({ rule, score: weight }): Evidence => ({ rule, score: weight }));
      const { rule, at } = list[0]!;
      found.push({ threat, rule, place, excerpt: excerptOf(text, at), score, evidence });
    }
  }

  return {
    inspect(place, value, kind = 'plain') {
      if (value.length < 2) return NONE;
      const characters = charactersOf(value);
      const views = viewsOf(value, characters, true);
      const found: Finding[] = [];
      if (views.length === 1 && isPlain(value, characters)) return NONE;
      for (const view of views) {
        notes.clear();
        analyse(
          view,
          view === value ? characters : charactersOf(view),
          view !== value,
          place.part,
          kind,
        );
        if (!notes.empty)
          conclude(
            place,
            view,
            found,
            kind === 'text' || kind === 'code' ? threshold + 2 : threshold,
          );
      }
      return found;
    },
    inspectName(part, name, operators = true) {
      const found: Finding[] = [];
      notes.clear();
      inspectName(name, operators, notes);
      if (!notes.empty) conclude({ part, name: excerptOf(name, 0) }, name, found, threshold);
      return found.length === 0 ? NONE : found;
    },
    inspectDeclarations(part, xml) {
      const found: Finding[] = [];
      notes.clear();
      inspectEntities(xml, notes);
      if (!notes.empty) conclude({ part, name: '' }, xml, found, threshold);
      return found.length === 0 ? NONE : found;
    },
  };
}
