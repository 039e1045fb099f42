/** The map of a trip: its cities, the way as it is planned, and the way as it is found. */
import type { City } from './api.ts';
import { byId } from './dom.ts';
import { pathOf, type Projection, projection } from './projection.ts';

const SVG = 'http://www.w3.org/2000/svg';
const map = byId('trip-map', SVGSVGElement);
const grid = byId('trip-grid', SVGPathElement);
const planned = byId('trip-planned', SVGPathElement);
const way = byId('trip-way', SVGPathElement);
const places = byId('trip-places', SVGGElement);
let shown: Projection | undefined;

/** Shows the cities, and the way through them as they are given. */
export function showCities(cities: readonly City[]): void {
  // Its own width in pixels: dots are as large on a telephone as on a desk.
  const width = Math.max(100, map.clientWidth);
  shown = projection(cities, width);
  map.setAttribute('viewBox', `0 0 ${width} ${Math.ceil(shown.height)}`);
  grid.setAttribute('d', shown.grid);
  planned.setAttribute('d', pathOf(shown, [...cities.keys()]));
  way.setAttribute('d', '');
  places.replaceChildren(
    ...shown.spots.map(({ x, y }, at) => {
      const dot = document.createElementNS(SVG, 'circle');
      dot.setAttribute('cx', x.toFixed(1));
      dot.setAttribute('cy', y.toFixed(1));
      dot.setAttribute('r', at === 0 ? '7' : String(Math.max(3, width / 200)));
      const name = document.createElementNS(SVG, 'title');
      name.textContent = cities[at]!.name;
      dot.append(name);
      return dot;
    }),
  );
  // Where it begins is seen before all others.
  places.append(places.firstChild!);
}

/** Shows the way in another order. */
export function showWay(order: readonly number[]): void {
  if (shown !== undefined) way.setAttribute('d', pathOf(shown, order));
}
