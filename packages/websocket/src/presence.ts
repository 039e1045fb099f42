/**
 * Who is on a channel. A member is there as long as anything holds it: a connection here, or
 * another process that says so. Bounded: whoever comes when it is full is not shown.
 */

/** The members of one channel. */
export class Presence {
  private readonly holds: Map<string, number> = new Map();
  private readonly maxMembers: number;

  constructor(maxMembers: number) {
    this.maxMembers = maxMembers;
  }

  get members(): string[] {
    return [...this.holds.keys()];
  }

  get size(): number {
    return this.holds.size;
  }

  /** One more holds the member. Says whether it has just come. */
  hold(member: string): boolean {
    const holds = this.holds.get(member);
    if (holds === undefined && this.holds.size >= this.maxMembers) return false;
    this.holds.set(member, (holds ?? 0) + 1);
    return holds === undefined;
  }

  /** One less does. Says whether it has gone. */
  release(member: string): boolean {
    const holds = this.holds.get(member);
    if (holds === undefined) return false;
    if (holds > 1) {
      this.holds.set(member, holds - 1);
      return false;
    }
    return this.holds.delete(member);
  }
}
