/**
 * Checks how services need each other, before one of them is made: names that nobody has
 * registered, circles, and captives: what outlives what it holds would keep the connection of a
 * request that is long over.
 */
import { nearest } from '@org/core';

import { GraphError } from './errors.ts';
import { EXCHANGE_NAME, type Lifetime, type Recipes } from './recipe.ts';

/** One service, as `graph()` shows it. */
export interface GraphNode {
  readonly name: string;
  readonly lifetime: Lifetime;
  readonly needs: readonly string[];
}

/** @throws GraphError naming everything that is wrong, with the way from one end to the other */
export function checkGraph(recipes: Recipes): void {
  const problems = [...missing(recipes), ...circles(recipes)];
  // Through a circle or a gap there is no telling who holds whom.
  if (problems.length === 0) problems.push(...captives(recipes));
  if (problems.length > 0) throw new GraphError(problems);
}

/** Every service behind those that it needs. */
export function graphOf(recipes: Recipes): readonly GraphNode[] {
  const nodes = new Map<string, GraphNode>();
  const visit = (name: string): void => {
    const recipe = recipes.get(name);
    if (recipe === undefined || nodes.has(name)) return;
    for (const needed of recipe.needs) visit(needed);
    nodes.set(name, { name, lifetime: recipe.lifetime, needs: recipe.needs });
  };
  for (const name of recipes.keys()) visit(name);
  return [...nodes.values()];
}

function* missing(recipes: Recipes): Generator<string> {
  for (const { name, needs } of recipes.values()) {
    for (const needed of needs) {
      if (needed === EXCHANGE_NAME || recipes.has(needed)) continue;
      const guess = nearest(needed, [...recipes.keys(), EXCHANGE_NAME]);
      const fix = guess === undefined ? 'Register it.' : `Did you mean "${guess}"?`;
      yield `"${name}" needs "${needed}", which is not registered. ${fix}`;
    }
  }
}

function* circles(recipes: Recipes): Generator<string> {
  const done = new Set<string>();
  function* walk(name: string, above: readonly string[]): Generator<string> {
    if (above.includes(name)) {
      const circle = [...above.slice(above.indexOf(name)), name];
      yield `${circle.map((one) => `"${one}"`).join(' needs ')}: a circle. Move what both need into a service of its own.`;
      return;
    }
    if (done.has(name)) return;
    for (const needed of recipes.get(name)?.needs ?? []) yield* walk(needed, [...above, name]);
    done.add(name);
  }
  for (const name of recipes.keys()) yield* walk(name, []);
}

function* captives(recipes: Recipes): Generator<string> {
  for (const { name, lifetime } of recipes.values()) {
    if (lifetime !== 'singleton') continue;
    const way = wayToScoped(recipes, name);
    if (way === undefined) continue;
    const through = way.slice(1, -1).map((one) => `"${one}"`);
    yield `the singleton "${name}" needs "${way.at(-1)!}", which is scoped${through.length === 0 ? '' : `, through ${through.join(' and ')}`}: it would keep the one of the first request. Make "${name}" scoped, or hand over what it needs with each call.`;
  }
}

/** From a service to one of a scope that it would hold. A singleton on the way answers for itself. */
function wayToScoped(recipes: Recipes, from: string): readonly string[] | undefined {
  for (const needed of recipes.get(from)!.needs) {
    if (needed === EXCHANGE_NAME) return [from, needed];
    const { lifetime } = recipes.get(needed)!;
    if (lifetime === 'scoped') return [from, needed];
    const way = lifetime === 'transient' ? wayToScoped(recipes, needed) : undefined;
    if (way !== undefined) return [from, ...way];
  }
  return undefined;
}
