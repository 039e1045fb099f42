/** Elements, made without markup: what comes from the server only ever becomes text. */

/**
 * Makes an element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * Writes a text where it differs, so that nothing is laid out anew for a number that stands still.
 * @param {Node} node
 * @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Finds what the document is known to have.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found;
}

/** What a tone is called by those who do not see it. */
const TONE_WORDS = { good: 'well', warn: 'warning', bad: 'critical' };

/**
 * Shows how good something is by colour, by the shape of a mark, and by a word for screen readers.
 * @param {HTMLElement} mark
 * @param {'good' | 'warn' | 'bad' | undefined} tone
 */
export function showTone(mark, tone) {
  if (mark.dataset['tone'] === (tone ?? '')) return;
  mark.dataset['tone'] = tone ?? '';
  write(mark, tone === undefined ? '' : TONE_WORDS[tone]);
}

/** @returns {HTMLElement} a mark without a tone */
export function toneMark() {
  return element('span', { class: 'mark' });
}

/**
 * A box in which what is too wide scrolls by itself. Only then is it a stop for the keyboard.
 * @param {string} label
 * @param {HTMLElement} content
 */
export function scrollBox(label, content) {
  const box = element('div', { class: 'scroll', role: 'group', 'aria-label': label }, content);
  const watch = new ResizeObserver(() => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  });
  watch.observe(box);
  watch.observe(content);
  return box;
}
