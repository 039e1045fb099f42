/** What a run is drawn from: `SEED=…` repeats it. */
export const SEED: number = Number(process.env['SEED'] ?? 1);
