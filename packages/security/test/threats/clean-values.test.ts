import { CleanValues } from '../../src/threats/clean-values.ts';

describe('clean values', () => {
  it('are known again, as long as they are asked for', () => {
    const clean = new CleanValues();
    clean.add('often');
    for (let at = 0; at < 5000; at++) {
      clean.add(`once ${at}`);
      expect(clean.has('often')).toBe(true);
    }
  });

  it('are forgotten when many others came: at most two generations of 256', () => {
    const clean = new CleanValues();
    for (let at = 0; at < 5000; at++) clean.add(`value ${at}`);
    const known = Array.from({ length: 5000 }, (_, at) => at).filter((at) =>
      clean.has(`value ${at}`),
    );
    expect(known.length).toBeGreaterThanOrEqual(256);
    expect(known.length).toBeLessThanOrEqual(512);
    expect(known.at(-1)).toBe(4999);
  });

  it('that are long are not kept', () => {
    const clean = new CleanValues();
    clean.add('x'.repeat(257));
    expect(clean.has('x'.repeat(257))).toBe(false);
    clean.add('x'.repeat(256));
    expect(clean.has('x'.repeat(256))).toBe(true);
  });
});
