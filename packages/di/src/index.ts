export { Container, container, ContainerBuilder, type ServiceOptions } from './container.ts';
export { type Di, di, DI_DEFAULTS, type DiOptions } from './di.ts';
export { GraphError } from './errors.ts';
export type { GraphNode } from './graph.ts';
export type { Lifetime } from './recipe.ts';
export type { Scope } from './scope.ts';
