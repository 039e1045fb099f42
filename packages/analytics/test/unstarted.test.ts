import { analytics, memoryStore } from '@org/analytics';

test('what was never used is closed without asking its store for anything', async () => {
  const asked: string[] = [];
  const store = new Proxy(memoryStore(), {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return (...given: readonly unknown[]): unknown => {
        asked.push(String(name));
        return Reflect.apply(value, target, given);
      };
    },
  });
  await analytics({ store }).close();
  expect(asked).toEqual([]);
});
