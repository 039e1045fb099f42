/** What the page is known to have. */

/** Finds an element of a kind. @throws Error where the page has none */
export function byId<T extends Element>(id: string, kind: abstract new () => T): T {
  const found = document.querySelector(`#${id}`);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} #${id}.`);
}
