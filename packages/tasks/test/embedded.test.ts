import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { durableContract, engineContract } from './engine-contract.ts';

const folders: string[] = [];
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tasks-'));
  folders.push(made);
  return made;
}

engineContract('memory', () => ({}));
engineContract('durable', () => ({ folder: folder() }));
durableContract('durable', () => ({ folder: folder(), fsync: 'interval' }));
