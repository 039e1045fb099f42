/** A trip whose best order is found while one looks on: made, asked for, drawn as its job tells of it, and taken back. */
import { connect } from '@org/websocket/client';

import { lengthKm } from '../src/trips/visiting-order.ts';
import { ask, type City, Refusal } from './api.ts';
import { byId } from './dom.ts';
import { showCities, showWay } from './map.ts';

/** What the channel of a trip tells. */
interface Told {
  readonly ratio: number;
  readonly detail: Found;
}

interface Found {
  readonly order: readonly number[];
  readonly lengthKm: number;
  /** Of the last one. */
  readonly plannedKm?: number;
}

/** One of the keys for trying the service out. */
const KEY = 'demo-key-of-ada';
/** Nobody looks on for longer, in ms. */
const MAX_WAIT_MS = 30_000;
const FIRST_DAY = Date.UTC(2027, 4, 1);
const DAY_MS = 86_400_000;

const form = byId('trip', HTMLFormElement);
const country = byId('trip-country', HTMLSelectElement);
const size = byId('trip-size', HTMLInputElement);
const button = byId('trip-go', HTMLButtonElement);
const said = byId('trip-said', HTMLElement);
const figure = byId('trip-figure', HTMLElement);
const bar = byId('trip-progress', HTMLProgressElement);
const figures = {
  before: byId('trip-before', HTMLElement),
  now: byId('trip-now', HTMLElement),
  steps: byId('trip-steps', HTMLElement),
};
const trace = byId('trip-trace', HTMLElement);
const isStill = matchMedia('(prefers-reduced-motion: reduce)');
/** The address of the one that is shown now, until it is deleted. */
let trip: string | undefined;

/** Shows a trip whenever somebody wants to see one. */
export function startTrips(): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    // It stays where the keyboard is; only what it does waits.
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    void show().finally(() => button.removeAttribute('aria-disabled'));
  });
  addEventListener('pagehide', () => void takeBack());
  void fillCountries();
}

/** The world stays where the list cannot be had. */
async function fillCountries(): Promise<void> {
  const { items } = await ask<{ items: readonly { code: string; name: string }[] }>(
    'GET',
    '/api/countries',
  ).catch(() => ({ items: [] }));
  country.append(...items.map(({ code, name }) => new Option(name, code)));
}

async function show(): Promise<void> {
  say('Choosing cities …');
  try {
    const cities = await chooseCities();
    figure.hidden = false;
    showCities(cities);
    const beforeKm = lengthKm(cities);
    write(figures.before, km(beforeKm));
    write(figures.now, '–');
    write(figures.steps, '0');
    trace.textContent = '';
    bar.value = 0;
    const stops = cities.map(({ id }, at) => {
      const day = new Date(FIRST_DAY + at * DAY_MS).toISOString().slice(0, 10);
      return { cityId: id, arrivesOn: day, leavesOn: day };
    });
    const body = { name: 'Seen on the landing page', stops };
    const { id } = await ask<{ id: string }>('POST', '/api/trips', { key: KEY, body });
    trip = `/api/trips/${id}`;
    const { lengthKm: nowKm } = await follow(id);
    const saved = Math.round(100 * (1 - nowKm / beforeKm));
    say(
      `${cities.length} cities from ${cities[0]!.name} on: ${km(beforeKm)} as planned, ${km(nowKm)} as found, ${saved}% shorter.`,
    );
  } catch (error) {
    say(error instanceof Refusal ? error.message : String(error), true);
  } finally {
    await takeBack();
  }
}

/** Others want to try as well, and one owner keeps 200 trips at most. */
async function takeBack(): Promise<void> {
  const address = trip;
  trip = undefined;
  if (address === undefined) return;
  await ask('DELETE', address, { key: KEY, keepalive: true }).catch(() => undefined);
}

async function chooseCities(): Promise<readonly City[]> {
  const query = new URLSearchParams({
    limit: size.value,
    ...(country.value === '' ? {} : { country: country.value }),
  });
  const { items } = await ask<{ items: readonly City[] }>('GET', `/api/cities?${query}`);
  if (items.length >= 3) return items;
  const where = country.selectedOptions[0]?.text ?? 'the world';
  throw new Refusal(`This service knows fewer than three cities of ${where}: choose another one.`);
}

/** Listens to the trip, has its route found, and draws it until it is. */
function follow(id: string): Promise<Found> {
  const address = `/api/trips/${id}/route`;
  return new Promise((resolve, reject) => {
    const waiting: Told[] = [];
    let steps = 0;
    let frame = 0;
    const live = connect(`${location.origin.replace('http', 'ws')}/live`, {
      token: () => KEY,
      onState(state) {
        if (state === 'waiting') say('The live connection broke; trying again …');
      },
    });
    const late = setTimeout(
      () => fail(new Refusal('The route has not come in time. Try again.')),
      MAX_WAIT_MS,
    );
    const end = (): void => {
      clearTimeout(late);
      cancelAnimationFrame(frame);
      live.close();
    };
    const fail = (why: Error): void => {
      end();
      reject(why);
    };

    /** Draws one step in a frame of the screen; the latest alone for those who want no motion. */
    const draw = (): void => {
      frame = 0;
      const told = isStill.matches ? waiting.splice(0).at(-1) : waiting.shift();
      if (told === undefined) return;
      const { ratio, detail } = told;
      showWay(detail.order);
      bar.value = ratio;
      write(figures.now, km(detail.lengthKm));
      write(figures.steps, String(steps - waiting.length));
      if (ratio === 1) {
        end();
        resolve(detail);
      } else if (waiting.length > 0) frame = requestAnimationFrame(draw);
    };
    const take = (told: Told): void => {
      steps++;
      waiting.push(told);
      if (frame === 0) frame = requestAnimationFrame(draw);
    };

    say('Opening the live connection …');
    live.subscribe<Told>(`trips/${id}`, {
      onEvent(told, { carrier }) {
        take(told);
        const traceId = /^00-([\da-f]{32})-/.exec(String(carrier?.['traceparent']))?.[1];
        if (traceId !== undefined)
          trace.textContent = `Request, job and events are one trace: ${traceId}`;
      },
      onReady() {
        say('Finding the way …');
        ask('POST', address, { key: KEY }).catch(fail);
      },
      // What was missed is not told again; what was found in the end can be asked for.
      onGap() {
        ask<{ state: string; route?: Found }>('GET', address, { key: KEY }).then(
          ({ state, route }) => {
            if (route !== undefined) take({ ratio: 1, detail: route });
            else if (state === 'failed') fail(new Refusal('The route could not be found.'));
          },
          fail,
        );
      },
      onError: ({ message }) => fail(new Refusal(message)),
    });
  });
}

function km(length: number): string {
  return `${Math.round(length).toLocaleString('en')} km`;
}

function write(element: HTMLElement, text: string): void {
  element.textContent = text;
}

function say(text: string, isWrong = false): void {
  said.textContent = text;
  said.classList.toggle('wrong', isWrong);
}
