/** The counting of consumers within bounds. */
import { Usage } from '../src/usage.ts';

test('the busy keep their places, whoever sends made-up keys', () => {
  const usage = new Usage('1', 10);
  for (let at = 0; at < 50; at++) {
    usage.note(at);
    usage.noteConsumer('busy', at);
  }
  for (let at = 0; at < 1000; at++) {
    usage.note(at);
    usage.noteConsumer(`made-up-${at}`, 100 + at);
  }
  const { consumers, othersTotal, requestsTotal } = usage.snapshot();
  expect(consumers[0]).toEqual({ consumer: 'busy', requestsTotal: 50, lastAt: 49 });
  expect(consumers.length).toBeLessThanOrEqual(10);
  // Nobody is counted twice, or lost.
  const counted = consumers.reduce((sum, one) => sum + one.requestsTotal, othersTotal);
  expect(counted).toBe(requestsTotal);
  // Of those who asked as often the latest stay.
  expect(consumers[1]).toMatchObject({ consumer: 'made-up-999' });
});

test('without places everybody is one of the others', () => {
  const usage = new Usage('1', 0);
  usage.noteConsumer('one', 1);
  expect(usage.snapshot()).toMatchObject({ consumers: [], othersTotal: 1 });
});

test('nobody has asked yet', () => {
  expect(new Usage('1', 10).snapshot()).toEqual({
    version: '1',
    requestsTotal: 0,
    lastAt: undefined,
    consumers: [],
    othersTotal: 0,
  });
});
