export { type FakeClock, fakeClock } from './fake-clock.ts';
export { fakeHost } from './fake-host.ts';
export { type Made, type MiddlewareContract, middlewareContract } from './middleware-contract.ts';
export { recordExchanges, type Recorder } from './recorder.ts';
export { serve, type Served } from './serve.ts';
export { storeContract, type StoreContract } from './store-contract.ts';
