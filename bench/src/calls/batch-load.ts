/** The loads of one request, each of another key: a loader is made, asked 50 times, and thrown away. */
import { createBatcher } from '@org/batch';
import DataLoader from 'dataloader';
import type { Contestants } from '../calls.ts';
import { LOADS, loading } from './loading.ts';

const load = (keys: readonly number[]): Promise<readonly number[]> => Promise.resolve(keys);
const batcher = createBatcher<number, number>(load);
const keys = Array.from({ length: LOADS }, (_, at) => at);

export const contestants: Contestants = {
  dataloader: loading(() => new DataLoader(load), keys),
  batch: loading(() => batcher.loader(), keys),
};
