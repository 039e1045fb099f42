import * as fc from 'fast-check';

import { msText } from '../src/time-text.ts';

test('a duration is written as JSON would write it, to the microsecond', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
      expect(msText(ms)).toBe(JSON.stringify(Math.round(ms * 1000) / 1000));
    }),
  );
});
