/**
 * Who has how many connections: in total, each address, each principal. A seat is taken before the
 * handshake is answered, so that a flood of handshakes cannot pass between a look and a count.
 */

/** How many connections there may be. */
export interface SeatLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerPrincipal: number;
}

/** Whose limit is reached. */
export type Full = 'total' | 'address' | 'principal';

/** Counts connections. */
export class Seats {
  taken: number = 0;
  private readonly limits: SeatLimits;
  private readonly byAddress: Map<string, number> = new Map();
  private readonly byPrincipal: Map<string, number> = new Map();

  constructor(limits: SeatLimits) {
    this.limits = limits;
  }

  /** Takes a seat, or says whose limit is in the way. */
  take(address: string, principal: string | undefined): Full | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxConnectionsPerPrincipal } = this.limits;
    if (this.taken >= maxConnections) return 'total';
    if ((this.byAddress.get(address) ?? 0) >= maxConnectionsPerAddress) return 'address';
    if (
      principal !== undefined &&
      (this.byPrincipal.get(principal) ?? 0) >= maxConnectionsPerPrincipal
    ) {
      return 'principal';
    }
    this.taken++;
    change(this.byAddress, address, 1);
    if (principal !== undefined) change(this.byPrincipal, principal, 1);
    return undefined;
  }

  /** Gives a seat back that was taken with the same names. */
  release(address: string, principal: string | undefined): void {
    this.taken--;
    change(this.byAddress, address, -1);
    if (principal !== undefined) change(this.byPrincipal, principal, -1);
  }
}

function change(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}
