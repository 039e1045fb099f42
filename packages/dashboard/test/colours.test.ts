/** The colours of the page, as its style has them, against WCAG 2.2's contrast (1.4.3, 1.4.11). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const css = readFileSync(join(__dirname, '../page/dashboard.css'), 'utf8');

/** The custom properties of the block that begins with this selector. */
function palette(selector: string): Readonly<Record<string, string>> {
  const from = css.indexOf(`${selector} {`);
  const block = css.slice(from, css.indexOf('}', from));
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!]),
  );
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

describe.each([
  ['light', ':root'],
  ['dark', ":root[data-theme='dark']"],
])('the %s colours', (_name, selector) => {
  const colours = palette(selector);

  it.each(['ink', 'soft', 'accent', 'good', 'warn', 'bad'])('let %s be read', (name) => {
    for (const ground of ['paper', 'card']) {
      expect(contrast(colours[name]!, colours[ground]!)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(['edge', 'line-2', 'line-3', 'line-4'])('let %s be seen', (name) => {
    expect(contrast(colours[name]!, colours['card']!)).toBeGreaterThanOrEqual(3);
  });
});

test('who chose the dark sees what the system would have shown', () => {
  expect(palette(":root:not([data-theme='light'])")).toEqual(palette(":root[data-theme='dark']"));
});
