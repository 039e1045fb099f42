/** Light, dark, or as the system has it. The document has applied the choice already. */
import { byId, write } from './dom.js';

const KEY = 'dashboard-theme';
const CHOICES = /** @type {const} */ (['system', 'light', 'dark']);

/**
 * Has a button go round the choices.
 * @param {HTMLElement} button
 * @param {() => void} onChange called after every change of colours, the system's own included
 */
export function themeButton(button, onChange) {
  const root = document.documentElement;
  const show = () => write(byId('theme-name'), root.dataset['theme'] ?? 'system');
  button.addEventListener('click', () => {
    const at = CHOICES.findIndex((choice) => choice === (root.dataset['theme'] ?? 'system'));
    const next = CHOICES[(at + 1) % CHOICES.length] ?? 'system';
    if (next === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = next;
    keep(next);
    show();
    onChange();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
  show();
}

/** @param {(typeof CHOICES)[number]} choice */
function keep(choice) {
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // A browser that keeps nothing forgets this, too.
  }
}
