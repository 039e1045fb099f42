/** Where every stack writes its lines: the same kind of stream, into nothing while it is measured. */
import { createWriteStream, type WriteStream } from 'node:fs';

export function logStream(): WriteStream {
  return createWriteStream(process.env['BENCH_LOG'] ?? '/dev/null');
}
