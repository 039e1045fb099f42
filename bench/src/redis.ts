/** A Redis server for a bench, in memory; it ends with the process. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';

/** Starts it on a port of loopback, and answers the port. */
export async function benchRedis(port: number): Promise<number> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => server.kill('SIGKILL'));
  let output = '';
  for await (const chunk of server.stdout) {
    output += String(chunk);
    if (output.includes('Ready to accept connections')) break;
  }
  server.unref();
  return port;
}
