/** How the reference app runs in the bench: in memory, with the larger cities, silent, and refusing nobody: a refusal costs nothing of what is measured. */

export const PLACES_SEED = 9111;

export function placesEnvironment(cached: boolean): Record<string, string> {
  return {
    DATA_DIR: ':memory:',
    MIN_POPULATION: '15000',
    LOG_LEVEL: 'SILENT',
    ENABLE_CACHE: String(cached),
    ENABLE_QUEUE: 'false',
    ENABLE_RATE_LIMIT: 'false',
  };
}
