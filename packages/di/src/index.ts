export { container, ContainerBuilder, type ServiceOptions } from './builder.ts';
export { Container } from './container.ts';
export { type Di, di, DI_DEFAULTS, type DiOptions } from './di.ts';
export { GraphError } from './errors.ts';
export type { GraphNode } from './graph.ts';
export type { Lifetime, OfEveryScope } from './registration.ts';
export type { Scope } from './scope.ts';
