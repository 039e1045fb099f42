/** Panels as the server describes them. What is there already is changed in place, never made anew. */
import { ChartView } from './charts.js';
import { element, scrollBox, showTone, toneMark, write } from './dom.js';
import { format } from './format.js';
import { WaterfallView } from './waterfall.js';

/** @import { Column, Fact, Panel, Row, Table, Unit, Value } from '../src/panel.ts' */
/** @import { Samples } from './past.js' */

/** Units whose cells stand at the right, under each other. */
const NUMBERS = new Set(['bytes', 'count', 'ms', 'rate', 'ratio']);

/** A panel on the page. */
export class PanelView {
  node;
  #mark = toneMark();
  #note = element('p', { class: 'note' });
  #facts = element('dl', { class: 'facts' });
  /** @type {Map<string, ChartView>} */
  #charts = new Map();
  #chartBox = element('div', { class: 'charts' });
  /** @type {Map<string, TableView>} */
  #tables = new Map();
  #tableBox = element('div', { class: 'tables' });
  /** @type {WaterfallView | undefined} */
  #waterfall;

  /** @param {Panel} panel */
  constructor(panel) {
    const title = element('span', { id: `${panel.id}-title` }, panel.title);
    const heading = element('h2', {}, title, this.#mark);
    this.node = element(
      'section',
      { id: panel.id, class: 'panel', 'aria-labelledby': `${panel.id}-title`, tabindex: '-1' },
      heading,
      this.#note,
      this.#facts,
      this.#chartBox,
      this.#tableBox,
    );
    this.node.dataset['wide'] = String(panel.wide === true);
  }

  /**
   * @param {Panel} panel
   * @param {Samples} samples
   * @param {number} from in seconds
   * @param {number} to in seconds
   */
  update(panel, samples, from, to) {
    showTone(this.#mark, panel.tone);
    write(this.#note, panel.note ?? '');
    this.#showFacts(panel.facts ?? []);
    const { charts = [], tables = [], waterfall } = panel;
    keep(
      this.#charts,
      this.#chartBox,
      charts,
      ({ title }) => title,
      (chart) => new ChartView(chart),
    );
    for (const chart of charts) this.#charts.get(chart.title)?.update(chart, samples, from, to);
    keep(
      this.#tables,
      this.#tableBox,
      tables,
      ({ caption }) => caption,
      (one) => new TableView(one),
    );
    for (const table of tables) this.#tables.get(table.caption)?.update(table);
    if (waterfall !== undefined) {
      if (this.#waterfall === undefined) {
        this.#waterfall = new WaterfallView();
        this.node.append(this.#waterfall.node);
      }
      this.#waterfall.update(waterfall);
    }
  }

  close() {
    for (const chart of this.#charts.values()) chart.close();
  }

  recolour() {
    for (const chart of this.#charts.values()) chart.recolour();
  }

  /** @param {readonly Fact[]} facts */
  #showFacts(facts) {
    while (this.#facts.children.length > facts.length) this.#facts.lastElementChild?.remove();
    facts.forEach((fact, at) => {
      let box = this.#facts.children[at];
      if (box === undefined) {
        box = element('div', {}, element('dt'), element('dd', {}, toneMark(), element('span')));
        this.#facts.append(box);
      }
      const [label, value] = /** @type {HTMLElement[]} */ ([...box.children]);
      const [mark, text] = /** @type {HTMLElement[]} */ ([...(value?.children ?? [])]);
      if (label === undefined || mark === undefined || text === undefined) return;
      write(label, fact.label);
      write(text, format(fact.value, fact.unit));
      showTone(mark, fact.tone);
    });
  }
}

/**
 * Has one view for each thing, in their order, and none for what is gone.
 * @template T
 * @template {{ node: HTMLElement, close?(): void }} V
 * @param {Map<string, V>} views
 * @param {HTMLElement} box
 * @param {readonly T[]} things
 * @param {(thing: T) => string} keyOf
 * @param {(thing: T) => V} make
 */
export function keep(views, box, things, keyOf, make) {
  const keys = new Set(things.map(keyOf));
  for (const [key, view] of views) {
    if (keys.has(key)) continue;
    view.node.remove();
    view.close?.();
    views.delete(key);
  }
  things.forEach((thing, at) => {
    const key = keyOf(thing);
    let view = views.get(key);
    if (view === undefined) {
      view = make(thing);
      views.set(key, view);
    }
    if (box.children[at] !== view.node) box.insertBefore(view.node, box.children[at] ?? null);
  });
}

/** A table on the page. */
class TableView {
  node = element('div', { class: 'table' });
  #head = element('tr');
  #body = element('tbody');
  #more = element('p', { class: 'more' });

  /** @param {Table} table */
  constructor({ caption, columns }) {
    const scroll = scrollBox(
      caption,
      element(
        'table',
        {},
        element('caption', {}, caption),
        element('thead', {}, this.#head),
        this.#body,
      ),
    );
    for (const { label, unit } of columns) {
      this.#head.append(element('th', { scope: 'col', class: classOf(unit) }, label));
    }
    this.node.append(scroll, this.#more);
  }

  /** @param {Table} table */
  update({ columns, rows, more }) {
    while (this.#body.rows.length > rows.length) this.#body.deleteRow(-1);
    rows.forEach((row, at) => {
      const shown = this.#body.rows[at] ?? this.#body.appendChild(emptyRow(columns));
      showRow(shown, row, columns);
    });
    write(this.#more, more === undefined ? '' : `and ${more} more`);
  }
}

/** @param {readonly Column[]} columns */
function emptyRow(columns) {
  const row = element('tr');
  columns.forEach(({ unit }, at) => {
    const text = element('span', { class: 'text' });
    const cell =
      at === 0 ? element('th', { scope: 'row' }, toneMark(), text) : element('td', {}, text);
    cell.className = classOf(unit);
    row.append(cell);
  });
  return row;
}

/** @param {HTMLTableRowElement} shown @param {Row} row @param {readonly Column[]} columns */
function showRow(shown, { cells, tone, unit: own }, columns) {
  shown.dataset['tone'] = tone ?? '';
  const mark = shown.cells[0]?.firstElementChild;
  if (mark instanceof HTMLElement) showTone(mark, tone);
  columns.forEach((column, at) => {
    const unit = NUMBERS.has(column.unit) ? (own ?? column.unit) : column.unit;
    const cell = shown.cells[at];
    const text = cell?.lastElementChild;
    if (cell === undefined || !(text instanceof HTMLElement)) return;
    const value = cells[at];
    write(text, format(value, unit));
    if (column.unit === 'ratio') cell.style.setProperty('--part', String(partOf(value)));
  });
}

/** @param {Value | null} value */
function partOf(value) {
  return typeof value === 'number' ? Math.min(1, Math.max(0, value)) : 0;
}

/** @param {Unit} unit */
function classOf(unit) {
  return NUMBERS.has(unit) ? `number ${unit}` : unit;
}
