/** Why Redis did not do something, fit to be shown: no arguments of commands, which may be secrets. */

export function reasonOf(error: unknown): Error {
  const {
    message = '',
    code,
    name,
  } = error as {
    readonly message?: string;
    readonly code?: unknown;
    readonly name?: string;
  };
  const [said = ''] = message.split(/, with args beginning with/i);
  const reason = new Error(said || (typeof code === 'string' ? code : (name ?? 'unknown')));
  return typeof code === 'string' ? Object.assign(reason, { code }) : reason;
}
