import { Service, goodRatio, quantile } from './service.ts';
import { gradientLimit, vegasLimit, aimdLimit } from '@org/queue';
const loop = { read: () => ({ delayMs: 0, utilizationRatio: 0.5 }), close() {} };
const show = (name: string, s: Service, from: number, forMs: number, cap = 2000) => {
  const v = s.since(from);
  const adm = v.filter((x) => !Number.isNaN(x.doneMs)); const ref = v.filter((x) => x.refusal);
  const by: Record<string, number> = {}; for (const r of ref) by[r.refusal!] = (by[r.refusal!] ?? 0) + 1;
  console.log(name, 'good', (goodRatio(v, cap, forMs) * 100).toFixed(1), 'p99', quantile(adm.map((x) => x.doneMs - x.atMs), .99).toFixed(0), 'refused', ref.length, 'p99', quantile(ref.map((x) => x.waitedMs), .99).toFixed(1), JSON.stringify(by), 'limit', s.admission.limiter.limit);
};
it('x', () => {
  for (const times of [1, 2, 5]) { const s = new Service(); s.run(4000, { perSecond: 2000 * times }); show('fixed ' + times, s, 500, 3500); if (times === 5) { s.run(2000, {perSecond:1000}); show('rec', s, 4000, 2000, 1000);} }
  for (const times of [1, 2, 5]) { const s = new Service({ limit: gradientLimit({ loop, maxLimit: 100, minLimit: 2 }) }); s.run(4000, { perSecond: 2000 * times }); show('gradient ' + times, s, 500, 3500);
    s.workMs = 30; s.run(5000, { perSecond: 2000*times }); s.run(2000, {perSecond: 2000*times}); show('  slow 3x', s, 9000, 2000, 667); s.workMs = 10; s.run(5000, {perSecond:2000*times}); s.run(2000, {perSecond:2000*times}); show('  back', s, 16000, 2000); }
  for (const times of [1, 2, 5]) { const s = new Service({ limit: vegasLimit({ maxLimit: 100 }) }); s.run(4000, { perSecond: 2000 * times }); show('vegas ' + times, s, 500, 3500); }
  for (const times of [1, 2, 5]) { const s = new Service({ limit: aimdLimit({ maxLimit: 100 }) }); s.run(4000, { perSecond: 2000 * times }); show('aimd ' + times, s, 500, 3500); }
  { const s = new Service(); s.run(4000, { perSecond: 9500, rank: 1 }, { perSecond: 500, rank: 0 }); for (const r of [0, 1]) { const v = s.since(500, r); console.log('rank', r, 'refused', v.filter((x) => x.refusal).length, 'of', v.length, 'p99', quantile(v.filter(x => !x.refusal).map(x => x.doneMs - x.atMs), .99)); } }
  { const s = new Service(); s.run(4000, { perSecond: 8000, rank: 0 }, { perSecond: 500, rank: 2 }); for (const r of [0, 2]) { const v = s.since(500, r); console.log('sat rank', r, 'done', v.filter((x) => !x.refusal).length, 'of', v.length, 'p99', quantile(v.filter(x => !x.refusal).map(x => x.doneMs - x.atMs), .99)); } }
  { const s = new Service(); s.run(4000, { perSecond: 9000, account: 'hog' }, ...Array.from({ length: 10 }, (_, i) => ({ perSecond: 100, account: 'u' + i }))); for (const a of ['hog', 'u1', 'u2']) { const v = s.since(500).filter((x) => x.account === a); console.log(a, 'done', v.filter((x) => !x.refusal).length, 'of', v.length, 'p99', quantile(v.filter(x => !x.refusal).map(x => x.doneMs - x.atMs), .99)); } }
});
