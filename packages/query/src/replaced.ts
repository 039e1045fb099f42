/** Methods of others, replaced until somebody puts them back. */

export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts a method in the place of another one, on this object alone. @returns puts it back */
export function replaced(
  target: object,
  name: string,
  make: (original: Method) => Method,
): () => void {
  const holder = target as Record<string, Method>;
  const isOwn = Object.hasOwn(holder, name);
  const original = holder[name]!;
  const made = make(original);
  holder[name] = made;
  return () => {
    // Somebody may have done the same after us.
    if (holder[name] !== made) return;
    if (isOwn) holder[name] = original;
    else delete holder[name];
  };
}
