/** What the charts draw: the samples that the server kept, and those that have come since. */

/** @import { State } from '../src/panel.ts' */
/** @import { HistoryEvent } from './stream.js' */

/** The longest time that can be shown, in ms. */
const KEPT_MS = 900_000;

/** Samples by time, one list for each line. */
export class Samples {
  /** In seconds since the epoch, as uPlot has it. @type {number[]} */
  times = [];
  /** @type {Map<string, (number | null)[]>} */
  lines = new Map();
  #instance = '';

  /** @param {HistoryEvent} past */
  take({ instance, isMore, at, series }) {
    // Another process, or all of it anew: numbers of two do not belong into one line.
    if (!isMore || instance !== this.#instance) {
      this.times = [];
      this.lines = new Map();
    }
    this.#instance = instance;
    const before = this.times.length;
    this.times.push(...at.map((ms) => ms / 1000));
    for (const [key, values] of Object.entries(series)) this.#line(key, before).push(...values);
    this.#even();
  }

  /** @param {State} state */
  add({ at, panels }) {
    const time = at / 1000;
    if (time <= (this.times.at(-1) ?? 0)) return;
    const before = this.times.length;
    this.times.push(time);
    for (const { charts = [] } of panels) {
      for (const { series } of charts) {
        for (const { key, value } of series) this.#line(key, before).push(value ?? null);
      }
    }
    this.#even();
    this.#forget(time - KEPT_MS / 1000);
  }

  /**
   * The samples of some lines since `from`, in seconds.
   * @param {readonly string[]} keys
   * @param {number} from
   * @returns {[number[], ...(number | null)[][]]}
   */
  since(keys, from) {
    const first = this.times.findIndex((time) => time >= from);
    if (first === -1) return [[], ...keys.map(() => [])];
    return [
      this.times.slice(first),
      ...keys.map((key) => this.#line(key, this.times.length).slice(first)),
    ];
  }

  /**
   * The line of a key; one that is new was not known before.
   * @param {string} key
   * @param {number} length
   */
  #line(key, length) {
    let line = this.lines.get(key);
    if (line === undefined) {
      line = Array(length).fill(null);
      this.lines.set(key, line);
    }
    return line;
  }

  /** Makes every line as long as the times: one that was not told of was not known. */
  #even() {
    for (const line of this.lines.values()) {
      while (line.length < this.times.length) line.push(null);
    }
  }

  /** @param {number} before in seconds */
  #forget(before) {
    const old = this.times.findIndex((time) => time >= before);
    if (old < 60) return;
    this.times.splice(0, old);
    for (const line of this.lines.values()) line.splice(0, old);
  }
}
