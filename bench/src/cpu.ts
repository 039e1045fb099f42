/**
 * What a request costs in processor time, without a network: each server answers clients
 * within its own process, turn by turn. The steadiest figure on a shared machine, and one that shows the
 * middleware larger than it is to a client, for whom the network comes on top.
 */
import type { Runtime } from './machine.ts';
import { interleave, type Sample, type Samples } from './round.ts';
import { ServerProcess } from './server-process.ts';
import type { Figure } from './table.ts';

export const CPU_FIGURES: readonly Figure[] = [
  { key: 'cpuMicros', title: 'CPU µs/request', digits: 1 },
];

/** Requests of one turn, and those before the first one, which compile. */
export const TURN_REQUESTS = 1000;
export const WARM_UP_REQUESTS = 6000;

/** All turns of all contenders, each in one process from its first turn to its last. */
export async function measureCpu(
  servers: readonly string[],
  runtime: Runtime,
  path: string,
  rounds: number,
): Promise<Samples> {
  const running = new Map<string, ServerProcess>();
  const turn = async (server: string, requests: number): Promise<Sample> => ({
    cpuMicros: await running.get(server)!.drive(path, requests),
  });
  try {
    for (const server of servers) running.set(server, await ServerProcess.start(server, runtime));
    await interleave(servers, 1, (server) => turn(server, WARM_UP_REQUESTS));
    return await interleave(servers, rounds, (server) => turn(server, TURN_REQUESTS));
  } finally {
    await Promise.all([...running.values()].map((server) => server.stop()));
  }
}
