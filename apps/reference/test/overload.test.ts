/** More than the service can carry: some wait, the others are told at once, and none is lost. */
import { type Answer, PART, type Service, start } from './service.ts';

describe('the service under more than it can carry', () => {
  let service: Service;
  beforeAll(async () => {
    service = await start({
      ...PART,
      DATA_DIR: ':memory:',
      MAX_CONCURRENT: '1',
      MAX_QUEUE_SIZE: '3',
      ENABLE_CACHE: 'false',
    });
  }, 240_000);
  afterAll(async () => {
    await service?.stop();
  });

  test('answers as many as it may, and refuses the others with 503, Retry-After and a problem', async () => {
    const crowd = Array.from({ length: 40 }, (_, at) =>
      service.get(`/api/cities?minPopulation=${at}&limit=100`),
    );
    const answers = await Promise.all(crowd);
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers, body } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(body['code']).toMatch(/^ERR_QUEUE_/);
    }
  });

  test('is there again at once when the crowd has gone, and liveness was never in question', async () => {
    const during: Promise<Answer>[] = Array.from({ length: 20 }, (_, at) =>
      service.get(`/api/cities?minPopulation=${100 + at}`),
    );
    expect((await service.get('/health/live')).status).toBe(200);
    await Promise.all(during);
    expect((await service.get('/api/cities?limit=1')).status).toBe(200);
  });
});
