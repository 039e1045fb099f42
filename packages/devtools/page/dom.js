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
 * Finds what the document is known to have.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found;
}

/**
 * A table with a caption.
 * @param {string} caption
 * @param {readonly string[]} heads
 * @param {readonly HTMLTableRowElement[]} rows
 */
export function table(caption, heads, rows) {
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element(
        'thead',
        {},
        element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head))),
      ),
      element('tbody', {}, ...rows),
    ),
  );
}

/**
 * A button that does something, and says what went wrong with it.
 * @param {string} text
 * @param {() => Promise<void>} work
 */
export function button(text, work) {
  const made = element('button', { type: 'button' }, text);
  made.addEventListener('click', () => {
    // One that is disabled would lose the focus of whoever uses the keyboard.
    if (made.ariaDisabled === 'true') return;
    made.ariaDisabled = 'true';
    settle();
    void work()
      .catch(complain)
      .finally(() => {
        made.ariaDisabled = 'false';
      });
  });
  return made;
}

/**
 * Says what went wrong.
 * @param {unknown} problem
 */
export function complain(problem) {
  byId('problem').textContent = problem instanceof Error ? problem.message : String(problem);
}

/** Something else is done: what went wrong before is past. */
export function settle() {
  byId('problem').textContent = '';
}
