/** Cities by the beginning of their name, while it is typed. */
import { ask, type City, Refusal } from './api.ts';
import { byId } from './dom.ts';

/** Whoever types on within this time, in ms, has not finished. */
const PAUSE_MS = 120;

const input = byId('q', HTMLInputElement);
const found = byId('found', HTMLElement);
let latest = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Searches now, and whenever somebody types. */
export function startSearch(): void {
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => void search(), PAUSE_MS);
  });
  void search();
}

async function search(): Promise<void> {
  const turn = ++latest;
  const q = input.value.trim();
  const query = new URLSearchParams({ limit: '6', ...(q === '' ? {} : { q }) });
  let shown: Node | string;
  try {
    const { items } = await ask<{ items: readonly City[] }>('GET', `/api/cities?${query}`);
    shown = items.length === 0 ? 'No city begins with this.' : tableOf(items);
  } catch (error) {
    shown = error instanceof Refusal ? error.message : String(error);
  }
  // Answers may come in another order than questions.
  if (turn === latest) found.replaceChildren(shown);
}

function tableOf(cities: readonly City[]): HTMLTableElement {
  const table = document.createElement('table');
  for (const { id, name, country, population } of cities) {
    const row = table.insertRow();
    const link = document.createElement('a');
    link.href = `/api/cities/${id}/nearby`;
    link.textContent = name;
    row.insertCell().append(link);
    row.insertCell().append(country);
    const last = row.insertCell();
    last.className = 'number';
    last.append(population.toLocaleString());
  }
  return table;
}
