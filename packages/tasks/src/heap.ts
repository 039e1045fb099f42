/**
 * A binary heap whose members know their place, so that any of them can be taken out or moved in
 * O(log n): what waits by priority, what is delayed, and what has a time limit are such heaps.
 */

/** What can be in a heap; in one at a time. */
export interface Ranked {
  /** The least rank is first. */
  rank: number;
  /** Of equal ranks, the least is first: the order of arrival. */
  sequence: number;
  /** Its place in the heap; -1 outside. */
  place: number;
}

/** A heap by rank, first in first out among equals. */
export class Heap<T extends Ranked> {
  private readonly members: T[] = [];

  get size(): number {
    return this.members.length;
  }

  /** The first, which stays. */
  peek(): T | undefined {
    return this.members[0];
  }

  push(member: T): void {
    this.rise(member, this.members.push(member) - 1);
  }

  /** Takes the first out. */
  pop(): T | undefined {
    const first = this.members[0];
    if (first !== undefined) this.delete(first);
    return first;
  }

  /** Takes a member out; says whether it was in. */
  delete(member: T): boolean {
    const { place } = member;
    if (this.members[place] !== member) return false;
    const last = this.members.pop()!;
    member.place = -1;
    if (last !== member) this.settle(last, place);
    return true;
  }

  /** Gives a member another rank. */
  move(member: T, rank: number): void {
    member.rank = rank;
    this.settle(member, member.place);
  }

  private settle(member: T, place: number): void {
    const above = this.members[(place - 1) >> 1];
    if (place > 0 && isBefore(member, above!)) this.rise(member, place);
    else this.sink(member, place);
  }

  private rise(member: T, from: number): void {
    const { members } = this;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = members[parent]!;
      if (!isBefore(member, above)) break;
      members[place] = above;
      above.place = place;
      place = parent;
    }
    members[place] = member;
    member.place = place;
  }

  private sink(member: T, from: number): void {
    const { members } = this;
    const count = members.length;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= count) break;
      if (child + 1 < count && isBefore(members[child + 1]!, members[child]!)) child++;
      const below = members[child]!;
      if (!isBefore(below, member)) break;
      members[place] = below;
      below.place = place;
      place = child;
    }
    members[place] = member;
    member.place = place;
  }
}

function isBefore(one: Ranked, other: Ranked): boolean {
  return one.rank === other.rank ? one.sequence < other.sequence : one.rank < other.rank;
}
