/**
 * Paths and header values that were found clean. Most clients send the same few again and again, and
 * what was looked at once need not be looked at twice. Bounded: two generations, of which the
 * older one goes when the younger is full.
 */

const MAX_VALUES = 256;
/** Longer values are looked at each time: they are few, and would fill the memory. */
const MAX_LENGTH = 256;

export class CleanValues {
  private young: Set<string> = new Set();
  private old: Set<string> = new Set();

  has(value: string): boolean {
    if (this.young.has(value)) return true;
    if (!this.old.has(value)) return false;
    this.add(value);
    return true;
  }

  add(value: string): void {
    if (value.length > MAX_LENGTH) return;
    if (this.young.size >= MAX_VALUES) {
      this.old = this.young;
      this.young = new Set();
    }
    this.young.add(value);
  }
}
