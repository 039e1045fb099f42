/** The weather service of `upstream`, in a process of its own: for trying things out. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts it on a free port; it ends with us. Resolves to its address. */
export async function startWeatherProcess(): Promise<string> {
  const file = fileURLToPath(new URL('../../upstream/index.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, file], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the weather service ended with ${code}`)));
    child.once('error', reject);
    createInterface({ input: child.stdout! }).once('line', (line) => {
      resolve(line.replace(/^weather: /, ''));
    });
  });
  // It notices by the channel that we have gone; it does not keep us.
  child.unref();
  child.channel?.unref();
  (child.stdout as unknown as { unref(): void }).unref();
  return url;
}
