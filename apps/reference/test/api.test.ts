import { describeApi } from './api-suite.ts';
import { type Service, start, UNQUEUED } from './service.ts';

describe('the API over the embedded database', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start({ ...UNQUEUED, DATA_DIR: ':memory:' });
  });
  afterAll(async () => {
    await service?.stop();
  });

  describeApi(() => service);

  test('ends with code 0', async () => {
    expect(await service.stop()).toBe(0);
  });
});
