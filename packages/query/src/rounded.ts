/** To a µs, as times are told. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
