/** ISO 8601 times by joining: a second's text is made once, because making one costs as much as the rest of a line. */

/** The thousand endings of a second. */
const ENDINGS: readonly string[] = Object.freeze(
  Array.from({ length: 1000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z`),
);

/** Remembers the second it wrote last. */
export class TimeText {
  private second: number = Number.NaN;
  private text: string = '';

  /** The time as `2026-01-01T00:00:00.000Z`. */
  of(at: number): string {
    const whole = Math.floor(at);
    const second = Math.floor(whole / 1000);
    if (second !== this.second) {
      this.text = new Date(second * 1000).toISOString().slice(0, -4);
      this.second = second;
    }
    return this.text + ENDINGS[whole - second * 1000]!;
  }
}
