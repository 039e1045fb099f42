/** The loads of one request, as a list has them: 50 loads of 20 keys. */
import { createBatcher } from '@org/batch';
import DataLoader from 'dataloader';
import type { Contestants } from '../calls.ts';
import { LOADS, loading } from './loading.ts';

const load = (keys: readonly number[]): Promise<readonly number[]> => Promise.resolve(keys);
const batcher = createBatcher<number, number>(load);
const keys = Array.from({ length: LOADS }, (_, at) => at % 20);

export const contestants: Contestants = {
  dataloader: loading(() => new DataLoader(load), keys),
  batch: loading(() => batcher.loader(), keys),
};
