/** The map of a trip: its cities, the way as it is planned, and the way as it is found. */
import type { City } from './api.ts';
import { byId } from './dom.ts';
import { pathOf, type Projection, projection } from './projection.ts';

const SVG = 'http://www.w3.org/2000/svg';
/** Units across; what is drawn scales with the page. */
const WIDTH = 1000;

const map = byId('trip-map', SVGSVGElement);
const grid = byId('trip-grid', SVGPathElement);
const planned = byId('trip-planned', SVGPathElement);
const way = byId('trip-way', SVGPathElement);
const places = byId('trip-places', SVGGElement);
let shown: Projection | undefined;

/** Shows the cities, and the way through them as they are given. */
export function showCities(cities: readonly City[]): void {
  shown = projection(cities, WIDTH);
  map.setAttribute('viewBox', `0 0 ${WIDTH} ${Math.ceil(shown.height)}`);
  grid.setAttribute('d', shown.grid);
  planned.setAttribute('d', pathOf(shown, [...cities.keys()]));
  way.setAttribute('d', '');
  places.replaceChildren(
    ...shown.spots.map(({ x, y }, at) => {
      const dot = document.createElementNS(SVG, 'circle');
      dot.setAttribute('cx', x.toFixed(1));
      dot.setAttribute('cy', y.toFixed(1));
      dot.setAttribute('r', at === 0 ? '11' : '6');
      const name = document.createElementNS(SVG, 'title');
      name.textContent = cities[at]!.name;
      dot.append(name);
      return dot;
    }),
  );
}

/** Shows the way in another order. */
export function showWay(order: readonly number[]): void {
  if (shown !== undefined) way.setAttribute('d', pathOf(shown, order));
}
