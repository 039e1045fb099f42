/** What the API promises, whichever database it runs on. */
import { createHash, randomUUID } from 'node:crypto';
import { request } from 'node:http';

import { CREDITS, DOCUMENT_LINKS, LINKS, OPERATOR_LINKS } from '../src/landing/links.ts';
import { EARTH_RADIUS_KM } from '../src/great-circle.ts';
import { readCities } from '../src/database/datasets.ts';
import { searchName } from '../src/search-name.ts';
import { type Answer, type Item, PART, type Service } from './service.ts';

const ADA = { 'x-api-key': 'demo-key-of-ada' };
const IBN = { 'x-api-key': 'demo-key-of-ibn' };

/** The cities that the service has loaded, read from the data set itself. */
const CITIES = readCities({
  minPopulation: Number(PART.MIN_POPULATION),
  onlyCountries: PART.ONLY_COUNTRIES?.split(','),
});

type City = (typeof CITIES)[number];

export function describeApi(service: () => Service): void {
  const get = (path: string, headers?: Record<string, string>): Promise<Answer> =>
    service().get(path, headers);

  describe('countries', () => {
    test('are all there, in the order of their codes', async () => {
      const { status, body } = await get('/api/countries');
      const codes = body.items.map(({ code }) => code as string);
      expect(status).toBe(200);
      expect(codes).toHaveLength(250);
      expect(codes).toEqual(codes.toSorted());
    });

    test('can be had for one region, in any case', async () => {
      const { body } = await get('/api/countries?region=oceania');
      expect(body.items.length).toBeGreaterThan(20);
      expect(new Set(body.items.map(({ region }) => region))).toEqual(new Set(['Oceania']));
    });

    test.each(['NZ', 'nz', 'NZL', 'nzl'])('are found by the code %s', async (code) => {
      const { status, body } = await get(`/api/countries/${code}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        code: 'NZ',
        code3: 'NZL',
        name: 'New Zealand',
        capital: 'Wellington',
        currencies: { NZD: { name: 'New Zealand dollar' } },
        cities: '/api/cities?country=NZ',
      });
    });

    test('that do not exist are a 404 problem, and what is no code is a 400', async () => {
      expectProblem(await get('/api/countries/QQ'), 404, 'ERR_COUNTRY_NOT_FOUND');
      expectProblem(await get('/api/countries/1'), 400, 'ERR_VALIDATION');
    });
  });

  describe('pages of cities', () => {
    const orders: Record<string, (one: City, other: City) => number> = {
      population: (one, other) => one.population - other.population || one.cityId - other.cityId,
      name: (one, other) => byBytes(one, other) || one.cityId - other.cityId,
    };

    test.each([
      ['population', false],
      ['-population', true],
      ['name', false],
      ['-name', true],
    ])('walked by %s give each city once, in order', async (sort, descending) => {
      const order = orders[sort.replace('-', '')]!;
      const expected = CITIES.toSorted(descending ? (one, other) => order(other, one) : order);
      const walked = await walk(`/api/cities?sort=${sort}&limit=100`);
      expect(walked.map(({ id }) => id)).toEqual(expected.map(({ cityId }) => cityId));
    });

    test.each([1, 2, 3, 7, 99, 100])('of %d cut nowhere but at their ends', async (limit) => {
      const expected = CITIES.filter(
        ({ country, population }) => country === 'NZ' && population >= 20_000,
      ).toSorted((one, other) => orders.population!(other, one));
      expect(expected.length).toBeGreaterThan(10);
      const walked = await walk(`/api/cities?country=nz&minPopulation=20000&limit=${limit}`);
      expect(walked.map(({ id }) => id)).toEqual(expected.map(({ cityId }) => cityId));
    });

    test('of equal values are told apart by the id', async () => {
      const expected = CITIES.toSorted(orders.population).slice(0, 30);
      expect(new Set(expected.map(({ population }) => population)).size).toBeLessThan(30);
      const walked = await walk('/api/cities?sort=population&limit=1', 30);
      expect(walked.map(({ id }) => id)).toEqual(expected.map(({ cityId }) => cityId));
    });

    test('go on under all their filters', async () => {
      const walked = await walk(
        '/api/cities?country=BR&q=s%C3%A3o&minPopulation=20000&sort=name&limit=10',
      );
      const expected = CITIES.filter(
        (city) =>
          city.country === 'BR' &&
          city.population >= 20_000 &&
          searchName(city.name).startsWith('sao'),
      ).toSorted(orders.name);
      expect(expected.length).toBeGreaterThan(20);
      expect(walked.map(({ id }) => id)).toEqual(expected.map(({ cityId }) => cityId));
    });

    test('say in a Link header where the next one is (RFC 8288)', async () => {
      const { body, headers } = await get('/api/cities?limit=1');
      expect(headers.get('link')).toBe(`<${body.next}>; rel="next"`);
    });

    test('have 20 cities by default, the largest first', async () => {
      const { body } = await get('/api/cities');
      expect(body.items).toHaveLength(20);
      expect(body.items[0]).toEqual({
        id: 3435910,
        name: 'Buenos Aires',
        country: 'AR',
        latitude: -34.61315,
        longitude: -58.37723,
        population: 13_076_300,
      });
    });

    test('bring the country of each along if they are asked to', async () => {
      const { status, body } = await get('/api/cities?include=country&limit=50&sort=name');
      expect(status).toBe(200);
      expect(body.items).toHaveLength(50);
      const plain = (await get('/api/cities?limit=50&sort=name')).body.items;
      for (const [at, { country, ...city }] of body.items.entries()) {
        const { country: code, ...rest } = plain[at]!;
        expect(city).toEqual(rest);
        expect(country).toMatchObject({ code, name: expect.any(String), flag: expect.any(String) });
      }
      expect(body.next).toContain('include=country');
      expectProblem(await get('/api/cities?include=weather'), 400, 'ERR_VALIDATION');
    });

    test('load all those countries with one statement', async () => {
      const statements = async (): Promise<number> => {
        const { body } = await get('/api/middleware/stats');
        const components = body.components as { db: { queriesTotal: number } };
        return components.db.queriesTotal;
      };
      const before = await statements();
      await get('/api/cities?include=country&limit=77&minPopulation=2001');
      expect((await statements()) - before).toBe(2);
    });

    test('are empty, without a next one, where nothing fits', async () => {
      const { body } = await get('/api/cities?q=nowhere-at-all');
      expect(body).toEqual({ items: [], next: null });
    });

    test('take the signs of a pattern as they are', async () => {
      expect((await get('/api/cities?q=%25')).body.items).toEqual([]);
      expect((await get('/api/cities?q=_')).body.items).toEqual([]);
      expect((await get('/api/cities?q=%5C')).body.items).toEqual([]);
    });

    test('refuse a cursor that is not theirs', async () => {
      const { body } = await get('/api/cities?limit=1&sort=name');
      const cursor = new URL(body.next!, service().url).searchParams.get('after')!;
      for (const [sort, after] of [
        ['population', cursor],
        ['-name', cursor],
        ['name', cursor.slice(0, -4)],
        ['name', 'x'],
        ['name', cursorOf('name', 'a\u0000b', 1)],
        ['name', cursorOf('name', 'a', 2 ** 31)],
        ['population', cursorOf('population', 1.5, 1)],
        ['population', cursorOf('population', 2 ** 40, 1)],
        ['name', cursorOf('name', 7, 1)],
      ] as const) {
        const answer = await get(`/api/cities?sort=${sort}&after=${encodeURIComponent(after)}`);
        expectProblem(answer, 400, 'ERR_UNKNOWN_CURSOR');
      }
    });

    test.each([
      ['limit=0', '#/limit'],
      ['limit=101', '#/limit'],
      ['limit=ten', '#/limit'],
      ['limit=3&limit=4', '#/limit'],
      ['limit=', '#/limit'],
      ['sort=size', '#/sort'],
      ['sort=__proto__', '#/sort'],
      ['country=F', '#/country'],
      ['q=', '#/q'],
      ['q=a%00b', '#/q'],
      [`q=${'a'.repeat(101)}`, '#/q'],
      ['minPopulation=-1', '#/minPopulation'],
      ['minPopulation=99999999999', '#/minPopulation'],
      [`after=${'a'.repeat(1001)}`, '#/after'],
      ['limt=3', '#'],
    ])('refuse ?%s and point at what is wrong', async (query, pointer) => {
      const answer = await get(`/api/cities?${query}`);
      expectProblem(answer, 400, 'ERR_VALIDATION');
      expect(answer.body.errors).toContainEqual(
        expect.objectContaining({ pointer, in: 'query', detail: expect.any(String) }),
      );
    });

    async function walk(path: string, most = Infinity): Promise<Item[]> {
      const found: Item[] = [];
      for (let next: string | null = path; next !== null && found.length < most;) {
        const { status, body } = await get(next);
        expect(status).toBe(200);
        expect(body.items.length).toBeGreaterThan(0);
        found.push(...body.items);
        next = body.next;
      }
      return found;
    }
  });

  describe('a city', () => {
    test('tells its country and where its neighbours are', async () => {
      const { body } = await get('/api/cities/3435910');
      expect(body).toMatchObject({
        name: 'Buenos Aires',
        country: 'AR',
        countryName: 'Argentina',
        feature: 'PPLC',
        nearby: '/api/cities/3435910/nearby',
      });
    });

    test('is put right by whoever has a key, and shown so wherever it is shown, though that was kept', async () => {
      const [first] = (await get('/api/cities')).body.items;
      const { id, population } = first!;
      const address = `/api/cities/${id}`;
      await get(address);
      expect((await get('/api/cities')).headers.get('cache-status')).toContain('hit');
      const right = Number(population) + 1;
      const answer = await service().send('PATCH', address, { population: right }, ADA);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ id, population: right, nearby: `${address}/nearby` });
      expect((await get(address)).body).toMatchObject({ population: right });
      expect((await get('/api/cities')).body.items[0]).toMatchObject({ id, population: right });
      await service().send('PATCH', address, { population }, ADA);
      expect((await get(address)).body).toMatchObject({ population });
    });

    test('is put right by nobody else, and by what it can be alone', async () => {
      const patch = (path: string, body: object, key?: Record<string, string>): Promise<Answer> =>
        service().send('PATCH', path, body, key);
      const address = '/api/cities/3435910';
      expectProblem(await patch(address, { population: 1 }), 401, 'ERR_API_KEY_MISSING');
      expectProblem(await patch(address, { population: -1 }, ADA), 400, 'ERR_VALIDATION');
      expectProblem(await patch(address, { name: 'Here' }, ADA), 400, 'ERR_VALIDATION');
      expectProblem(
        await patch('/api/cities/1', { population: 1 }, ADA),
        404,
        'ERR_CITY_NOT_FOUND',
      );
    });

    test('that does not exist is a 404 problem, and what is no id is a 400', async () => {
      expectProblem(await get('/api/cities/1'), 404, 'ERR_CITY_NOT_FOUND');
      expectProblem(await get('/api/cities/1/nearby'), 404, 'ERR_CITY_NOT_FOUND');
      expectProblem(await get('/api/cities/paris'), 400, 'ERR_VALIDATION');
      expectProblem(await get('/api/cities/99999999999'), 400, 'ERR_VALIDATION');
    });

    const anadyr = CITIES.find(({ name }) => name === 'Anadyr')!;
    const egvekinot = CITIES.find(({ name }) => name === 'Egvekinot')!;

    test.each([
      ['Buenos Aires', 50, byName('Buenos Aires')],
      ['Moscow', 30, byName('Moscow')],
      ['Suva', 500, byName('Suva')],
      ['Anadyr, west of the 180th meridian', 500, anadyr],
      ['Egvekinot, east of it', 500, egvekinot],
    ])('has the neighbours that measuring every city finds: %s', async (_, radiusKm, centre) => {
      const expected = CITIES.filter(({ cityId }) => cityId !== centre.cityId)
        .map((city) => ({ id: city.cityId, distanceKm: distanceKm(centre, city) }))
        .filter((city) => city.distanceKm <= radiusKm)
        .toSorted((one, other) => one.distanceKm - other.distanceKm || one.id - other.id)
        .slice(0, 100);
      const { body } = await get(
        `/api/cities/${centre.cityId}/nearby?radiusKm=${radiusKm}&limit=100`,
      );
      expect(expected.length).toBeGreaterThan(0);
      expect(body.items.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      for (const [index, item] of body.items.entries()) {
        expect(item.distanceKm).toBeCloseTo(expected[index]!.distanceKm, 2);
      }
    });

    test('finds neighbours across the 180th meridian', async () => {
      const { body } = await get(`/api/cities/${anadyr.cityId}/nearby?radiusKm=500`);
      expect(Math.sign(anadyr.loc.coordinates[0])).not.toBe(
        Math.sign(egvekinot.loc.coordinates[0]),
      );
      expect(body.items.map(({ id }) => id)).toContain(egvekinot.cityId);
    });

    test('refuses a radius that would be the whole world', async () => {
      expectProblem(await get('/api/cities/3435910/nearby?radiusKm=501'), 400, 'ERR_VALIDATION');
    });
  });

  describe('a batch of requests', () => {
    const send = (requests: unknown, headers?: Record<string, string>): Promise<Answer> =>
      service().send('POST', '/api/batch', { requests }, headers);

    test('makes a trip and reads it, with the key of the batch', async () => {
      const stop = { cityId: 3435910, arrivesOn: '2027-05-01', leavesOn: '2027-05-04' };
      const { status, body } = await send(
        [
          {
            id: 'made',
            method: 'POST',
            url: '/api/trips',
            body: { name: 'One river', stops: [stop] },
          },
          { id: 'read', method: 'GET', url: '/api/trips/{{made.body.id}}', dependsOn: ['made'] },
          {
            id: 'ended',
            method: 'DELETE',
            url: '/api/trips/{{made.body.id}}',
            dependsOn: ['read', 'made'],
          },
        ],
        ADA,
      );
      expect(status).toBe(200);
      expect(body.responses).toMatchObject([
        { id: 'made', status: 201, body: { name: 'One river' } },
        { id: 'read', status: 200, body: { name: 'One river', stops: [{ cityId: 3435910 }] } },
        { id: 'ended', status: 204 },
      ]);
    });

    test('answers each as it would alone, problems included', async () => {
      const { body } = await send([
        { id: 'country', method: 'GET', url: '/api/countries/NZ' },
        { id: 'none', method: 'GET', url: '/api/countries/QQ' },
        { id: 'trips', method: 'GET', url: '/api/trips' },
        { id: 'nested', method: 'POST', url: '/api/batch', body: {} },
      ]);
      expect(body.responses).toMatchObject([
        { id: 'country', status: 200, body: { name: 'New Zealand' } },
        { id: 'none', status: 404, body: { code: 'ERR_COUNTRY_NOT_FOUND' } },
        { id: 'trips', status: 401, body: { code: 'ERR_API_KEY_MISSING' } },
        { id: 'nested', status: 400, body: { code: 'ERR_BATCH_NESTED' } },
      ]);
    });

    test('that waits for itself is a 400 that names the circle', async () => {
      const answer = await send([
        { id: 'a', method: 'GET', url: '/api/countries', dependsOn: ['b'] },
        { id: 'b', method: 'GET', url: '/api/countries', dependsOn: ['a'] },
      ]);
      expectProblem(answer, 400, 'ERR_BATCH_INVALID');
      expect(answer.text).toContain('a → b → a');
    });

    test('does not make a stranger a neighbour', async () => {
      const requests = [{ id: 'a', method: 'GET', url: '/api/middleware/stats' }];
      const far = await send(requests, { 'x-forwarded-for': '203.0.113.9' });
      expect((far.body.responses as { status: number }[])[0]!.status).toBeGreaterThanOrEqual(400);
      const near = await send(requests);
      expect(near.body.responses).toMatchObject([{ status: 200 }]);
    });
  });

  describe('trips', () => {
    const send: Service['send'] = (...given) => service().send(...given);
    const stops = [
      { cityId: 3435910, arrivesOn: '2027-05-01', leavesOn: '2027-05-04' },
      { cityId: 2179537, arrivesOn: '2027-05-04', leavesOn: '2027-05-04' },
    ];

    async function make(name = 'Two oceans', headers = ADA): Promise<string> {
      const { body } = await send('POST', '/api/trips', { name, stops }, headers);
      return body.id as string;
    }

    test('are made, read, changed and deleted', async () => {
      const made = await send(
        'POST',
        '/api/trips',
        { name: '  Two oceans ', notes: 'By ship.', stops },
        ADA,
      );
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({
        name: 'Two oceans',
        notes: 'By ship.',
        stops: [
          { ...stops[0], city: 'Buenos Aires', country: 'AR' },
          { ...stops[1], city: 'Wellington', country: 'NZ' },
        ],
      });
      const address = made.headers.get('location')!;
      expect(address).toBe(`/api/trips/${made.body.id as string}`);
      expect((await get(address, ADA)).body).toEqual(made.body);

      const renamed = await send('PATCH', address, { name: 'One ocean' }, ADA);
      expect(renamed.status).toBe(200);
      expect(renamed.body).toEqual({
        ...made.body,
        name: 'One ocean',
        updatedAt: expect.any(String),
      });
      const shortened = await send('PATCH', address, { notes: null, stops: [stops[1]] }, ADA);
      expect(shortened.body).toMatchObject({ name: 'One ocean', notes: null });
      expect(shortened.body.stops).toHaveLength(1);

      expect((await send('DELETE', address, undefined, ADA)).status).toBe(204);
      expectProblem(await get(address, ADA), 404, 'ERR_TRIP_NOT_FOUND');
      expectProblem(await send('DELETE', address, undefined, ADA), 404, 'ERR_TRIP_NOT_FOUND');
    });

    test('have a route, which a job finds: 202 says where, and there it is', async () => {
      const cities = [3435910, 2179537, 3448439, 2193733];
      const days = ['2027-05-01', '2027-05-02', '2027-05-03', '2027-05-04'];
      const planned = cities.map((cityId, at) => ({
        cityId,
        arrivesOn: days[at]!,
        leavesOn: days[at]!,
      }));
      const made = await send('POST', '/api/trips', { name: 'Zigzag', stops: planned }, ADA);
      const address = `${made.headers.get('location')!}/route`;
      expectProblem(await get(address, ADA), 404, 'ERR_ROUTE_NOT_FOUND');
      const asked = await send('POST', address, undefined, ADA);
      expect(asked.status).toBe(202);
      expect(asked.headers.get('location')).toBe(address);
      expectProblem(await send('POST', address, undefined, IBN), 403, 'ERR_TRIP_NOT_YOURS');
      expectProblem(await get(address, IBN), 403, 'ERR_TRIP_NOT_YOURS');

      let found = await get(address, ADA);
      while (found.body.state !== 'completed') found = await get(address, ADA);
      const { route } = found.body as unknown as {
        route: { stops: { cityId: number }[]; lengthKm: number; plannedKm: number };
      };
      expect(route.stops[0]?.cityId).toBe(cities[0]);
      expect(new Set(route.stops.map(({ cityId }) => cityId))).toEqual(new Set(cities));
      // Over the Pacific and back once, not twice.
      expect(route.lengthKm).toBeLessThan(0.6 * route.plannedKm);

      // Changed, it is another trip: its route is asked for anew.
      await send('PATCH', made.headers.get('location')!, { name: 'Straight' }, ADA);
      expectProblem(await get(address, ADA), 404, 'ERR_ROUTE_NOT_FOUND');
    });

    test('need a key that is known: 401 says how to authenticate (RFC 9110 §15.5.2)', async () => {
      const none = await get('/api/trips');
      expectProblem(none, 401, 'ERR_API_KEY_MISSING');
      expect(none.headers.get('www-authenticate')).toContain('ApiKey');
      const unknown = await get('/api/trips', { 'x-api-key': 'constructor' });
      expectProblem(unknown, 401, 'ERR_API_KEY_UNKNOWN');
      expectProblem(
        await send('POST', '/api/trips', { name: 'x', stops }),
        401,
        'ERR_API_KEY_MISSING',
      );
    });

    test('are seen and changed by nobody but their owner', async () => {
      const id = await make();
      const address = `/api/trips/${id}`;
      expectProblem(await get(address, IBN), 403, 'ERR_TRIP_NOT_YOURS');
      expectProblem(await send('PATCH', address, { name: 'Mine' }, IBN), 403, 'ERR_TRIP_NOT_YOURS');
      expectProblem(await send('DELETE', address, undefined, IBN), 403, 'ERR_TRIP_NOT_YOURS');
      const { body } = await get('/api/trips?limit=100', IBN);
      expect(body.items.map((trip) => trip.id)).not.toContain(id);
      expect((await get(address, ADA)).body).toMatchObject({ name: 'Two oceans' });
    });

    test('are kept by no cache', async () => {
      const { headers } = await get('/api/trips', ADA);
      expect(headers.get('cache-control')).toBe('private, no-store');
    });

    test('are listed newest first, and pages stay right while trips come and go', async () => {
      const made: string[] = [];
      for (let index = 0; index < 7; index++) made.push(await make(`Trip ${index}`, IBN));
      const newest = made.toReversed();
      const seen: unknown[] = [];
      let next: string | null = '/api/trips?limit=2';
      while (next !== null) {
        const { body }: Answer = await get(next, IBN);
        seen.push(...body.items.map((trip) => trip.id));
        next = body.next;
        if (seen.length === 2) {
          // One more in front of the walk, one less behind it and one less ahead of it.
          await make('late', IBN);
          await send('DELETE', `/api/trips/${newest[0]}`, undefined, IBN);
          await send('DELETE', `/api/trips/${newest[4]}`, undefined, IBN);
        }
      }
      expect(seen.slice(0, 6)).toEqual(newest.filter((_, index) => index !== 4));
    });

    test.each<[string, unknown, string]>([
      ['no name', { stops: [] }, '#/name'],
      ['an empty name', { name: ' ', stops: [] }, '#/name'],
      ['a name with the character 0', { name: 'a\u0000', stops: [] }, '#/name'],
      ['a name that is a number', { name: 7, stops: [] }, '#/name'],
      ['no stops', { name: 'x' }, '#/stops'],
      ['101 stops', { name: 'x', stops: Array.from({ length: 101 }, () => stops[0]) }, '#/stops'],
      ['a member that is unknown', { name: 'x', stops: [], owner: 'ibn' }, '#'],
      ['a list', [], '#'],
      [
        'a day that does not exist',
        { name: 'x', stops: [{ ...stops[0], arrivesOn: '2027-02-29' }] },
        '#/stops/0/arrivesOn',
      ],
      [
        'a stop that ends before it begins',
        { name: 'x', stops: [{ ...stops[0], leavesOn: '2027-04-30' }] },
        '#/stops/0/leavesOn',
      ],
      ['stops out of order', { name: 'x', stops: stops.toReversed() }, '#/stops/1/arrivesOn'],
      [
        'an id that is no whole number',
        { name: 'x', stops: [{ ...stops[0], cityId: 1.5 }] },
        '#/stops/0/cityId',
      ],
      [
        'an id that no integer holds',
        { name: 'x', stops: [{ ...stops[0], cityId: 2 ** 40 }] },
        '#/stops/0/cityId',
      ],
    ])('with %s are refused', async (_, body, pointer) => {
      const answer = await send('POST', '/api/trips', body, ADA);
      expectProblem(answer, 400, 'ERR_VALIDATION');
      expect(answer.body.errors).toContainEqual({ pointer, detail: expect.any(String) });
    });

    test('to a city that does not exist are refused, and nothing is kept of them', async () => {
      const name = randomUUID();
      const unknown = { ...stops[1], cityId: 1 };
      const answer = await send('POST', '/api/trips', { name, stops: [stops[0], unknown] }, ADA);
      expectProblem(answer, 422, 'ERR_UNKNOWN_CITY');
      expect(answer.body.errors).toEqual([
        { pointer: '#/stops/1/cityId', detail: 'must be the id of a city' },
      ]);
      const { body } = await get('/api/trips?limit=100', ADA);
      expect(body.items.map((trip) => trip.name)).not.toContain(name);
    });

    test('keep their stops when new ones are refused', async () => {
      const address = `/api/trips/${await make()}`;
      const patch = { name: 'Lost', stops: [{ ...stops[0], cityId: 1 }] };
      expectProblem(await send('PATCH', address, patch, ADA), 422, 'ERR_UNKNOWN_CITY');
      const { body } = await get(address, ADA);
      expect(body.name).toBe('Two oceans');
      expect(body.stops).toHaveLength(2);
    });

    test('are not changed by an empty patch, and have ids that are UUIDs', async () => {
      expectProblem(
        await send('PATCH', `/api/trips/${await make()}`, {}, ADA),
        400,
        'ERR_VALIDATION',
      );
      expectProblem(await get('/api/trips/7', ADA), 400, 'ERR_VALIDATION');
      expectProblem(await get(`/api/trips/${randomUUID()}`, ADA), 404, 'ERR_TRIP_NOT_FOUND');
    });

    test('come as JSON: other types are 415, broken JSON is 400, too much is 413', async () => {
      const form = { ...ADA, 'content-type': 'application/x-www-form-urlencoded' };
      expectProblem(await send('POST', '/api/trips', 'name=x', form), 415, 'ERR_NOT_JSON');
      expect((await send('POST', '/api/trips', '{"name":', ADA)).status).toBe(400);
      const big = { name: 'x', notes: 'a'.repeat(70_000), stops };
      expect((await send('POST', '/api/trips', big, ADA)).status).toBe(413);
      expectProblem(await send('POST', '/api/trips', undefined, ADA), 400, 'ERR_VALIDATION');
    });

    test('made at once by one owner never pass the limit of 200', async () => {
      const { body } = await get('/api/trips?limit=100', ADA);
      expect(body.next).toBeNull();
      const trip = { name: 'One of many', stops: [] };
      const wanted = 205 - body.items.length;
      const statuses: number[] = [];
      // No more at once than wait for a connection for long: on a slow machine those would be refused.
      while (statuses.length < wanted) {
        const wave = Array.from({ length: Math.min(20, wanted - statuses.length) }, () =>
          send('POST', '/api/trips', trip, ADA),
        );
        statuses.push(...(await Promise.all(wave)).map(({ status }) => status));
      }
      expect(statuses.filter((status) => status === 201)).toHaveLength(200 - body.items.length);
      expect(statuses.filter((status) => status === 409)).toHaveLength(5);
    });
  });

  describe('the landing page', () => {
    test('links what answers 200', async () => {
      const { text } = await get('/', { accept: 'text/html' });
      const linked = [...text.matchAll(/href="(\/[^"]*)"/g)].map(([, href]) =>
        href!.replaceAll('&#38;', '&'),
      );
      expect(linked).toEqual(
        expect.arrayContaining(
          [...LINKS, ...DOCUMENT_LINKS, ...OPERATOR_LINKS].map(({ href }) => href),
        ),
      );
      for (const href of linked) {
        // The links lead to cities that the part of the data in this test may lack.
        if (href.startsWith('/api/cities/2988507')) continue;
        expect([href, (await get(href)).status]).toEqual([href, 200]);
      }
    });

    test('allows its own style and script, and nothing else', async () => {
      const { text, headers } = await get('/', { accept: 'text/html' });
      const policy = headers.get('content-security-policy')!;
      const style = /<style>(.*?)<\/style>/s.exec(text)![1]!;
      const script = /<script type="module">(.*?)<\/script>/s.exec(text)![1]!;
      const digest = (inline: string): string =>
        `'sha256-${createHash('sha256').update(inline).digest('base64')}'`;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain(`style-src ${digest(style)};`);
      expect(policy).toContain(`script-src ${digest(script)};`);
      expect(policy).not.toContain('unsafe');
      expect(text).not.toMatch(/ (?:style|on\w+|src)="/);
    });

    test('credits its sources, as does its JSON twin', async () => {
      const page = await get('/', { accept: 'text/html' });
      const json = await get('/');
      for (const { source, url, licence, licenceUrl } of CREDITS) {
        for (const credit of [source, url, licence, licenceUrl]) {
          expect(page.text).toContain(credit);
          expect(json.text).toContain(credit);
        }
      }
      expect(page.headers.get('vary')).toMatch(/accept/i);
    });

    test('explains each kind of problem at the address that is its type', async () => {
      const { body } = await get('/api/countries/QQ');
      const [address, anchor] = (body.type as string).split('#');
      const page = await get(address!, { accept: 'text/html' });
      expect(page.status).toBe(200);
      expect(page.text).toContain(`<h2 id="${anchor}">No such country</h2>`);
      const list = await get(address!);
      expect(list.body.items.map(({ type }) => type)).toContain(body.type);
    });

    test('does not let a host name write into the page', async () => {
      const { port } = new URL(service().url);
      const text = await new Promise<string>((resolve, reject) => {
        const headers = { host: '"><script>alert(1)</script>', accept: 'text/html' };
        request({ port, host: '127.0.0.1', path: '/', headers }, (response) => {
          let page = '';
          response.on('data', (chunk: Buffer) => (page += chunk.toString()));
          response.on('end', () => resolve(page));
        })
          .on('error', reject)
          .end();
      });
      expect(text).not.toContain('<script>alert');
    });

    test('shows the chain of middleware', async () => {
      const { text } = await get('/', { accept: 'text/html' });
      expect(text).toContain('<td>read</td><td>body</td>');
    });
  });

  describe('the service', () => {
    test('answers what it does not have with a 404 problem', async () => {
      expectProblem(await get('/nowhere'), 404, 'ERR_NOT_FOUND');
    });

    test('names the methods that an address has (RFC 9110 §15.5.6)', async () => {
      const answer = await service().send('DELETE', '/api/countries');
      expectProblem(answer, 405, 'ERR_METHOD_NOT_ALLOWED');
      expect(answer.headers.get('allow')).toContain('GET');
    });

    test('is ready, and says how its database is', async () => {
      expect((await get('/health/ready')).status).toBe(200);
      expect((await get('/health/live')).status).toBe(200);
      const { status, text } = await get('/health/middleware');
      expect([status, text]).toEqual([200, expect.stringContaining('"db:responseTime"')]);
    });

    test('shows the numbers of its components', async () => {
      const { status, text } = await get('/api/middleware/stats');
      expect([status, text]).toEqual([200, expect.stringContaining('queriesTotal')]);
    });

    test('measures all of it, for Prometheus and for people', async () => {
      await get('/api/countries/fr');
      await get('/nowhere');
      const { status, text } = await get('/metrics');
      expect(status).toBe(200);
      const counted = (labels: string) =>
        new RegExp(`^http_server_request_duration_seconds_count\\{${labels}\\} [1-9]`, 'm');
      expect(text).toMatch(
        counted(
          'http_request_method="GET",http_route="/api/countries/:code",http_response_status_code="200",url_scheme="http"',
        ),
      );
      expect(text).toMatch(
        counted('http_request_method="GET",http_response_status_code="404",url_scheme="http"'),
      );
      expect(text).toMatch(/^org_db_queries_total [1-9]/m);
      expect(text).toMatch(/^org_batch_batchers_batches_total\{name="countries by code"\} \d+$/m);
      expect(text).toMatch(/^org_cache_hit_ratio [\d.]+$/m);
      expect(text).toMatch(/^org_middleware_calls_total\{middleware="errors",phase="recover"\} /m);
      const { body } = await get('/health/middleware/performance');
      expect(body).toMatchObject({
        http: { count: expect.any(Number), latencyMs: { p99: expect.any(Number) } },
        routes: expect.arrayContaining([
          expect.objectContaining({ route: '/api/countries/:code' }),
        ]),
        middleware: expect.arrayContaining([expect.objectContaining({ name: 'cache' })]),
        overflowedSeries: 0,
      });
    });

    test('keeps what is for everybody, and tells how often that answered', async () => {
      const address = '/api/countries?region=Oceania';
      const first = await get(address);
      const second = await get(address);
      expect(first.headers.get('cache-status')).toMatch(/fwd=uri-miss; stored|hit/);
      expect(second.headers.get('cache-status')).toMatch(/^express; hit; ttl=\d+$/);
      expect(second.text).toBe(first.text);
      const { body } = await get('/api/middleware/stats');
      const { hitRatio } = (body as unknown as { components: { cache: { hitRatio: number } } })
        .components.cache;
      expect(hitRatio).toBeGreaterThan(0);
      expect(hitRatio).toBeLessThan(1);
    });
  });
}

function expectProblem(
  { status, headers, body, text }: Answer,
  wanted: number,
  code: string,
): void {
  expect([status, body.code, text]).toEqual([wanted, code, expect.any(String)]);
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({
    status: wanted,
    title: expect.any(String),
    type: expect.any(String),
  });
}

function byBytes(one: City, other: City): number {
  return Buffer.compare(Buffer.from(searchName(one.name)), Buffer.from(searchName(other.name)));
}

function byName(name: string): City {
  const city = CITIES.find((one) => one.name === name);
  if (city === undefined) throw new Error(`The data set has no ${name}.`);
  return city;
}

function cursorOf(order: string, value: unknown, id: number): string {
  return Buffer.from(JSON.stringify([order, value, id])).toString('base64url');
}

/** By the angle between two vectors: another formula than the service's own. */
function distanceKm(one: City, other: City): number {
  const [a, b] = [one, other].map(({ loc: { coordinates } }) => {
    const [longitude, latitude] = coordinates.map((degrees) => (degrees * Math.PI) / 180);
    return [
      Math.cos(latitude!) * Math.cos(longitude!),
      Math.cos(latitude!) * Math.sin(longitude!),
      Math.sin(latitude!),
    ] as const;
  });
  const chord = Math.hypot(a![0] - b![0], a![1] - b![1], a![2] - b![2]);
  return 2 * EARTH_RADIUS_KM * Math.asin(chord / 2);
}
