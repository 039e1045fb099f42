/** What cannot be tested here, because a server or a browser is not installed. */

/** Fails in CI; on a laptop it is one line, and not silence. */
export function missing(server: string, what: string): void {
  const line = `No ${server} on this machine: ${what} is not tested.`;
  if (process.env.CI === undefined) process.stderr.write(`${line}\n`);
  test(`${server} is there to test against, or this is not CI`, () => {
    expect(process.env.CI === undefined ? 'a laptop' : line).toBe('a laptop');
  });
}
