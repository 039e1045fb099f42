/**
 * Which of our names somebody meant. An environment is full of foreign names, so a
 * guess there must be a near one: `CACHE_TLL` is meant for us, `CACHE_DIR` is not.
 */
import { nearest } from '@org/core';

/** The nearest of our names, for a name in a place that is all ours. */
export function meantName(name: string, known: readonly string[]): string | undefined {
  return nearMiss(name, known) ?? nearest(name, known);
}

/** The name that was all but written, for a name in a place that others use too. */
export function nearMiss(name: string, known: readonly string[]): string | undefined {
  const otherwise = spelledOtherwise(name.toUpperCase());
  if (otherwise !== undefined && known.includes(otherwise)) return otherwise;
  // Affixes are shared by dozens of names and say nothing about which one was meant.
  const affix = affixOf(name);
  const alike = known.filter((one) => affixOf(one) === affix);
  return nearest(name, alike, allowedEdits(stemOf(name, affix), affix));
}

/** Our name by another custom: with its unit behind it, or with the switch at its end. */
function spelledOtherwise(name: string): string | undefined {
  const [, subject] = /^(.+)_ENABLED?$/.exec(name) ?? [];
  if (subject !== undefined) return `ENABLE_${subject}`;
  return /^(.+)_(?:MS|MILLIS|S|SEC|SECS|SECONDS|MIN|MINUTES|BYTES)$/.exec(name)?.[1];
}

type Affix = 'ENABLE_' | '_PRIORITY' | '';

function affixOf(name: string): Affix {
  const upper = name.toUpperCase();
  if (upper.startsWith('ENABLE_')) return 'ENABLE_';
  return upper.endsWith('_PRIORITY') ? '_PRIORITY' : '';
}

function stemOf(name: string, affix: Affix): string {
  return affix === 'ENABLE_' ? name.slice(affix.length) : name.slice(0, name.length - affix.length);
}

/** Short names are near to one another by nature: `PORTS` is no `PORT`, `ENABLE_UI` is no `ENABLE_DI`. */
function allowedEdits(stem: string, affix: Affix): number {
  if (stem.length >= 8) return 2;
  return stem.length >= (affix === '' ? 6 : 5) ? 1 : 0;
}
