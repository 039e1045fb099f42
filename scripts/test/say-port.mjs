/** Says on which port the first server of a process listens, as a line of standard output. */
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  this.once('listening', () => console.log(`listens on ${this.address().port}`));
  return listen.apply(this, args);
};
