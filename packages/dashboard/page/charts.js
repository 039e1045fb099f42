/**
 * One chart: lines over time, and a table with their numbers, which is its legend as well. All
 * charts share one cursor. Lines differ by colour and by dashes.
 */
import uPlot from 'uplot';

import { element, write } from './dom.js';
import { format, UNIT_WORDS } from './format.js';

/** @import { Chart, Series } from '../src/panel.ts' */
/** @import { Samples } from './past.js' */

const HEIGHT = 148;
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const COLOURS = ['--accent', '--line-2', '--line-3', '--line-4'];
/** There is no half of a connection. */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
).flat();
const TONES = { good: '--good', warn: '--warn', bad: '--bad' };

/** @param {string} name of a custom property */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** @param {Series} series @param {number} at */
function colourName(series, at) {
  return series.tone === undefined ? (COLOURS[at % COLOURS.length] ?? '--ink') : TONES[series.tone];
}

/** @param {number} time @param {number} step both in seconds */
function timeLabel(time, step) {
  const text = format(time * 1000, 'time');
  return step < 60 ? text : text.slice(0, 5);
}

/**
 * Over time: samples are seldom while nobody watches, and each tells of the time before it.
 * @param {readonly number[]} times
 * @param {readonly (number | null)[]} values
 */
function meanOf(times, values) {
  let sum = 0;
  let weight = 0;
  values.forEach((value, at) => {
    if (value === null) return;
    // Of the first it is not known how long; the second tells.
    const end = Math.max(at, 1);
    const passed = (times[end] ?? 1) - (times[end - 1] ?? 0);
    sum += value * passed;
    weight += passed;
  });
  return weight === 0 ? undefined : sum / weight;
}

/**
 * Lines are drawn without points; a sample between two gaps would not be seen otherwise.
 * @param {uPlot} chart
 * @param {number} series
 */
function lonePoints({ data }, series) {
  const values = data[series] ?? [];
  const isThere = (/** @type {number} */ at) => (values[at] ?? null) !== null;
  return [...values.keys()].filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
}

/** @param {Chart} chart */
function keysOf({ series }) {
  return series.map(({ key }) => key).join();
}

/** A chart on the page. */
export class ChartView {
  node = element('div', { class: 'chart' });
  #plot = element('div', { class: 'plot', role: 'img', tabindex: '0' });
  #rows = element('tbody');
  /** @type {HTMLTableCellElement} */
  #nowHead = element('th', { scope: 'col' }, 'Now');
  /** @type {uPlot | undefined} */
  #chart;
  #resizes = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width > 0) this.#chart?.setSize({ width, height: HEIGHT });
  });
  /** @type {Chart} */
  #drawn;
  /** @type {[number[], ...(number | null)[][]]} */
  #data = [[]];
  #from = 0;
  #to = 1;

  /** @param {Chart} chart */
  constructor(chart) {
    this.#drawn = chart;
    const words = UNIT_WORDS[chart.unit];
    const title = words === undefined ? chart.title : `${chart.title} ${words}`;
    this.#plot.setAttribute(
      'aria-label',
      `Chart: ${title} over time. Its numbers are in the table that follows; left and right look at one moment.`,
    );
    this.node.append(
      element('h3', {}, title),
      this.#plot,
      element(
        'table',
        { class: 'legend' },
        element('caption', { class: 'unseen' }, title),
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Line')),
            this.#nowHead,
            element('th', { scope: 'col' }, 'Mean'),
            element('th', { scope: 'col' }, 'Max'),
          ),
        ),
        this.#rows,
      ),
    );
    this.#plot.addEventListener('keydown', (event) => this.#key(event));
    this.#plot.addEventListener('blur', () => this.#chart?.setCursor({ left: -10, top: -10 }));
    this.#resizes.observe(this.#plot);
  }

  /**
   * Shows the samples from `from` to `to`, in seconds.
   * @param {Chart} chart
   * @param {Samples} samples
   * @param {number} from
   * @param {number} to
   */
  update(chart, samples, from, to) {
    const isNew = keysOf(this.#drawn) !== keysOf(chart);
    this.#drawn = chart;
    this.#from = from;
    this.#to = to;
    this.#data = samples.since(
      chart.series.map(({ key }) => key),
      from,
    );
    if (this.#chart === undefined || isNew) this.recolour();
    else this.#chart.setData(this.#data);
    this.#showNumbers();
  }

  /** Lets go of what the charts share. */
  close() {
    this.#chart?.destroy();
    this.#resizes.disconnect();
  }

  /** Draws everything anew, in the colours of now. */
  recolour() {
    this.#chart?.destroy();
    const { series } = this.#drawn;
    this.#rows.replaceChildren(
      ...series.map((line, at) => {
        const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
        swatch.style.setProperty('--swatch', `var(${colourName(line, at)})`);
        swatch.dataset['dash'] = String(at % DASHES.length);
        const cells = ['Now', 'Mean', 'Max'].map(() => element('td'));
        return element('tr', {}, element('th', { scope: 'row' }, swatch, line.label), ...cells);
      }),
    );
    const width = Math.floor(this.#plot.clientWidth);
    this.#chart = new uPlot(this.#options(Math.max(width, 50)), this.#data, this.#plot);
  }

  /** @param {number} width @returns {uPlot.Options} */
  #options(width) {
    const { series, unit } = this.#drawn;
    const axis = {
      stroke: colour('--soft'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    };
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: {
        sync: { key: 'time' },
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
      },
      scales: {
        x: { time: true, range: () => [this.#from, this.#to] },
        y: { range: (_chart, _min, max) => [0, unit === 'ratio' ? 1 : (max || 0) * 1.12 || 1] },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 4,
          // Labels have seconds where there is room for short steps.
          space: (_chart, _axis, _min, _max, room) => (room < 320 ? 48 : 62),
          grid: { show: false },
          values: (_chart, splits, _axis, _space, step) =>
            splits.map((at) => (this.#isInside(at) ? timeLabel(at, step) : '')),
        },
        {
          ...axis,
          size: 58,
          gap: 6,
          space: 32,
          ...(unit === 'count' ? { incrs: WHOLE_STEPS } : {}),
          values: (_chart, splits) => splits.map((split) => format(split, unit)),
        },
      ],
      series: [
        {},
        ...series.map((line, at) => {
          const stroke = colour(colourName(line, at));
          return {
            label: line.label,
            stroke,
            width: at === 0 ? 1.75 : 1.5,
            dash: DASHES[at % DASHES.length] ?? [],
            ...(at === 0 && series.length < 3 ? { fill: `${stroke}1f` } : {}),
            points: { size: 4, show: true, filter: lonePoints },
          };
        }),
      ],
      hooks: { setCursor: [() => this.#showNumbers()] },
    };
  }

  /**
   * At the edges labels would be cut, or stand in the corner with those of the other axis.
   * @param {number} time in seconds
   */
  #isInside(time) {
    const edge = (this.#to - this.#from) * 0.06;
    return time >= this.#from + edge && time <= this.#to - edge;
  }

  /** The table: under the cursor or now, and over the time that is shown. */
  #showNumbers() {
    const { series, unit } = this.#drawn;
    const [times, ...lines] = this.#data;
    const index = this.#chart?.cursor.idx;
    const time = index === undefined || index === null ? undefined : times[index];
    write(this.#nowHead, time === undefined ? 'Now' : format(time * 1000, 'time'));
    series.forEach((_line, at) => {
      const [, now, mean, max] = this.#rows.rows[at]?.cells ?? [];
      if (now === undefined || mean === undefined || max === undefined) return;
      const values = lines[at] ?? [];
      const known = values.filter((value) => value !== null);
      write(now, format(time === undefined ? values.at(-1) : values[index ?? 0], unit));
      write(mean, format(meanOf(times, values), unit));
      write(max, format(known.length === 0 ? undefined : Math.max(...known), unit));
    });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const chart = this.#chart;
    const [times] = this.#data;
    if (chart === undefined || times.length === 0) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity, Escape: 0 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    if (event.key === 'Escape') {
      chart.setCursor({ left: -10, top: -10 });
      return;
    }
    const last = times.length - 1;
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    const next = Math.min(last, Math.max(0, (chart.cursor.idx ?? last) + step));
    chart.setCursor({ left: chart.valToPos(times[next] ?? 0, 'x'), top: 10 });
  }
}
