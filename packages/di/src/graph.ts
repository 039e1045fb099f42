/**
 * Checks how services need each other, before one of them is made: names that nobody has
 * registered, circles, and captives: what outlives what it holds would keep the connection of a
 * request that is long over.
 */
import { nearest } from '@org/core';

import { GraphError } from './errors.ts';
import { EXCHANGE_NAME, type Lifetime, type Registrations } from './registration.ts';

/** One service, as `graph()` shows it. */
export interface GraphNode {
  readonly name: string;
  readonly lifetime: Lifetime;
  readonly needs: readonly string[];
}

/** @throws GraphError naming everything that is wrong, with the way from one end to the other */
export function checkGraph(registrations: Registrations): void {
  const problems = [...missing(registrations), ...circles(registrations)];
  // Through a circle or a gap there is no telling who holds whom.
  if (problems.length === 0) problems.push(...captives(registrations));
  if (problems.length > 0) throw new GraphError(problems);
}

/** Services that no other needs. */
export function rootsOf(registrations: Registrations): readonly string[] {
  const needed = new Set([...registrations.values()].flatMap(({ needs }) => needs));
  return [...registrations.keys()].filter((name) => !needed.has(name));
}

/** The roots and what they need, every service behind those that it needs. */
export function graphOf(
  registrations: Registrations,
  roots: readonly string[],
): readonly GraphNode[] {
  const reached = behind(registrations, roots);
  // In the order of registration, where needs leave a choice.
  const inOrder = [...registrations.keys()].filter((name) => reached.has(name));
  return [...behind(registrations, inOrder)].map((name) => {
    const { lifetime, needs } = registrations.get(name)!;
    return { name, lifetime, needs };
  });
}

/** These services and what they need, needs first. */
function behind(registrations: Registrations, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name) || !registrations.has(name)) return;
    for (const needed of registrations.get(name)!.needs) visit(needed);
    found.add(name);
  };
  for (const name of names) visit(name);
  return found;
}

function* missing(registrations: Registrations): Generator<string> {
  for (const { name, needs } of registrations.values()) {
    for (const needed of needs) {
      if (needed === EXCHANGE_NAME || registrations.has(needed)) continue;
      const guess = nearest(needed, [...registrations.keys(), EXCHANGE_NAME]);
      const fix = guess === undefined ? 'Register it.' : `Did you mean "${guess}"?`;
      yield `"${name}" needs "${needed}", which is not registered. ${fix}`;
    }
  }
}

function* circles(registrations: Registrations): Generator<string> {
  const done = new Set<string>();
  function* walk(name: string, above: readonly string[]): Generator<string> {
    if (above.includes(name)) {
      const circle = [...above.slice(above.indexOf(name)), name];
      yield `${circle.map((one) => `"${one}"`).join(' needs ')}: a circle. Move what both need into a service of its own.`;
      return;
    }
    if (done.has(name)) return;
    for (const needed of registrations.get(name)?.needs ?? [])
      yield* walk(needed, [...above, name]);
    done.add(name);
  }
  for (const name of registrations.keys()) yield* walk(name, []);
}

function* captives(registrations: Registrations): Generator<string> {
  for (const { name, lifetime } of registrations.values()) {
    if (lifetime !== 'singleton') continue;
    const way = wayToScoped(registrations, name);
    if (way === undefined) continue;
    const through = way.slice(1, -1).map((one) => `"${one}"`);
    yield `the singleton "${name}" needs "${way.at(-1)!}", which is scoped${through.length === 0 ? '' : `, through ${through.join(' and ')}`}: it would keep the one of the first request. Make "${name}" scoped, or hand over what it needs with each call.`;
  }
}

/** From a service to one of a scope that it would hold. A singleton on the way answers for itself. */
function wayToScoped(registrations: Registrations, from: string): readonly string[] | undefined {
  for (const needed of registrations.get(from)!.needs) {
    if (needed === EXCHANGE_NAME) return [from, needed];
    const { lifetime } = registrations.get(needed)!;
    if (lifetime === 'scoped') return [from, needed];
    const way = lifetime === 'transient' ? wayToScoped(registrations, needed) : undefined;
    if (way !== undefined) return [from, ...way];
  }
  return undefined;
}
