/** `pnpm floors`: names each import that runs up a floor, or sideways, and fails if there is one. */
import { faultsOf } from './floors.ts';
import { projectsOf } from './workspace.ts';

const root = process.cwd();
const faults = faultsOf(root);
for (const { file, line, imported, why } of faults) {
  console.error(`${file}:${line} imports ${imported}: ${why}`);
}
if (faults.length > 0) {
  console.error(`${faults.length} of the imports break the rule of the three floors.`);
  process.exitCode = 1;
} else {
  console.log(`${projectsOf(root).length} packages and apps keep to their floors.`);
}
