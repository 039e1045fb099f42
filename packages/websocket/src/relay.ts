/**
 * Carries events between processes, over any bus. What each process sends is numbered by itself, so
 * that whoever hears it notices what is missing, also where the bus does not; and each says now and
 * then how far it is, so that a last message that was lost is noticed, too.
 */
import { randomUUID } from 'node:crypto';
import { type Bus, type Clock, report } from '@org/core';

/** What a relay does with what it hears. */
export interface RelayListener {
  onEvent(channel: string, json: string, carrier: string | undefined): void;
  onMembers(channel: string, join: Iterable<string>, leave: Iterable<string>): void;
  onDisconnect(principal: string): void;
  /** Something was lost, of whichever channel. */
  onGap(): void;
  /** Who is where in this process, for one that has just begun. */
  members(): Iterable<readonly [channel: string, members: readonly string[]]>;
}

/** How a relay works. */
export interface RelaySettings {
  readonly bus: Bus;
  /** The bus's channel; processes that share one share everything. */
  readonly busChannel: string;
  /** How often it says how far it is; three times that without a word, and a process is gone. */
  readonly announceMs: number;
  readonly clock: Clock;
}

/** The head of a message; the JSON of an event follows it on a line of its own, as it is. */
interface Head {
  readonly origin: string;
  /** Of this message where it is numbered; else of the last that was. */
  readonly sequence: number;
  readonly kind: 'event' | 'members' | 'disconnect' | 'hello' | 'announce';
  readonly channel?: string;
  readonly carrier?: string | undefined;
  readonly join?: readonly string[];
  readonly leave?: readonly string[];
  readonly principal?: string;
  readonly presence?: readonly (readonly [string, readonly string[]])[];
}

/** Another process. */
interface Peer {
  sequence: number;
  heardMs: number;
  readonly members: Map<string, Set<string>>;
}

/** Processes that are known at a time; of more, the presence is not shown. */
const MAX_PEERS = 1024;

/** Messages on their way to the bus; beyond it they are dropped, and the others notice. */
const MAX_IN_FLIGHT = 10_000;

/** Heads that are numbered: one that is missing is missed. */
const NUMBERED: ReadonlySet<Head['kind']> = new Set(['event', 'members', 'disconnect']);

export class Relay {
  /** Names this life of the process. */
  readonly origin: string = randomUUID();
  gapsTotal: number = 0;
  failuresTotal: number = 0;
  /** Whether the last message did not reach the bus. */
  failing: boolean = false;
  /** Whether the others cannot be heard, since the bus did not let it. */
  isDeaf: boolean = false;
  private readonly settings: RelaySettings;
  private readonly listener: RelayListener;
  private readonly peers: Map<string, Peer> = new Map();
  private sequence: number = 0;
  private inFlight: number = 0;
  private startedMs: number = Number.POSITIVE_INFINITY;
  private announcedMs: number = Number.NEGATIVE_INFINITY;
  /** When the last start was tried; infinity before the first, which is for others to do. */
  private triedMs: number = Number.POSITIVE_INFINITY;
  private closed: boolean = false;
  private ending: (() => unknown) | undefined = undefined;
  private starting: Promise<void> | undefined = undefined;

  constructor(settings: RelaySettings, listener: RelayListener) {
    this.settings = settings;
    this.listener = listener;
  }

  get peerCount(): number {
    return this.peers.size;
  }

  /** Begins to hear the others. Rejects as the bus does; may be tried again. */
  start(): Promise<void> {
    this.triedMs = this.settings.clock.monotonicMs();
    this.starting ??= this.startNow().catch((error: unknown) => {
      this.starting = undefined;
      this.isDeaf = true;
      throw error;
    });
    return this.starting;
  }

  private async startNow(): Promise<void> {
    const { bus, busChannel, clock } = this.settings;
    const end = await bus.subscribe(busChannel, ({ data }) => this.hear(data));
    if (this.closed) {
      await end();
      return;
    }
    this.ending = end;
    this.startedMs = clock.monotonicMs();
    // What was sent meanwhile was missed.
    if (this.isDeaf) this.onGap();
    this.isDeaf = false;
    this.send({ kind: 'hello' });
    this.announce();
  }

  event(channel: string, json: string, carrier: string | undefined): void {
    this.send({ kind: 'event', channel, carrier }, json);
  }

  tellMembers(channel: string, join: readonly string[], leave: readonly string[]): void {
    this.send({ kind: 'members', channel, join, leave });
  }

  disconnect(principal: string): void {
    this.send({ kind: 'disconnect', principal });
  }

  /** Members that other processes have on a channel; one who is at two of them comes twice. */
  *membersOf(channel: string): Generator<string> {
    for (const { members } of this.peers.values()) yield* members.get(channel) ?? [];
  }

  /** Says how far it is when it is time, and forgets who has gone silent. */
  step(): void {
    const { announceMs, clock } = this.settings;
    const nowMs = clock.monotonicMs();
    if (this.ending === undefined) {
      // A bus that was not there at the start may be now.
      if (nowMs - this.triedMs >= announceMs) this.start().catch(() => void this.failuresTotal++);
      return;
    }
    if (nowMs - this.announcedMs >= announceMs) this.announce();
    for (const [origin, peer] of this.peers) {
      if (nowMs - peer.heardMs < announceMs * 3) continue;
      this.peers.delete(origin);
      this.replaceMembers(peer, []);
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.ending?.();
    this.ending = undefined;
    this.peers.clear();
  }

  private announce(): void {
    this.announcedMs = this.settings.clock.monotonicMs();
    this.send({ kind: 'announce', presence: [...this.listener.members()] });
  }

  private send(head: Omit<Head, 'origin' | 'sequence'>, json: string = ''): void {
    if (NUMBERED.has(head.kind)) this.sequence++;
    const { origin, sequence } = this;
    if (this.inFlight >= MAX_IN_FLIGHT) {
      this.onFailure(new Error(`${MAX_IN_FLIGHT} messages wait for the bus.`));
      return;
    }
    const data = Buffer.from(`${JSON.stringify({ origin, sequence, ...head })}\n${json}`);
    try {
      const sent = this.settings.bus.publish(this.settings.busChannel, data);
      if (sent === undefined) {
        this.failing = false;
        return;
      }
      this.inFlight++;
      sent.then(
        () => {
          this.inFlight--;
          this.failing = false;
        },
        (error: unknown) => {
          this.inFlight--;
          this.onFailure(error);
        },
      );
    } catch (error) {
      this.onFailure(error);
    }
  }

  /** Those who are connected here have their event; the others will notice that theirs is missing. */
  private onFailure(error: unknown): void {
    this.failuresTotal++;
    if (!this.failing) report(error, 'websocket bus');
    this.failing = true;
  }

  private hear(data: Uint8Array): void {
    if (this.closed) return;
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
    const end = text.indexOf('\n');
    const head = headOf(text.slice(0, end));
    if (head === undefined) {
      report(new Error('A message on the bus is not one of ours.'), 'websocket bus');
      return;
    }
    if (head.origin === this.origin) return;
    const peer = this.peerOf(head);
    if (NUMBERED.has(head.kind)) {
      // One that came before, by a bus that sends again.
      if (peer.sequence >= head.sequence) return;
      if (peer.sequence < head.sequence - 1) this.onGap();
    } else if (peer.sequence < head.sequence) {
      this.onGap();
    }
    peer.sequence = head.sequence;
    this.act(head, peer, text, end + 1);
  }

  private act(head: Head, peer: Peer, text: string, from: number): void {
    // Nobody would take the members of one away that is not kept.
    const isKnown = this.peers.has(head.origin);
    switch (head.kind) {
      case 'event':
        this.listener.onEvent(head.channel!, text.slice(from), head.carrier);
        break;
      case 'members':
        if (isKnown) this.moveMembers(peer, head.channel!, head.join ?? [], head.leave ?? []);
        break;
      case 'disconnect':
        this.listener.onDisconnect(head.principal!);
        break;
      case 'hello':
        this.announce();
        break;
      case 'announce':
        if (isKnown) this.replaceMembers(peer, head.presence ?? []);
        break;
    }
  }

  private peerOf({ origin, kind, sequence }: Head): Peer {
    const heardMs = this.settings.clock.monotonicMs();
    const known = this.peers.get(origin);
    if (known !== undefined) {
      known.heardMs = heardMs;
      return known;
    }
    // Who was there before us has said much that we could not hear, and tells within this time how
    // far it is; who comes later says so with its first word.
    const justBegun = heardMs - this.startedMs < this.settings.announceMs * 3;
    const before = NUMBERED.has(kind) ? sequence - 1 : sequence;
    const peer: Peer = { sequence: justBegun ? before : 0, heardMs, members: new Map() };
    if (this.peers.size < MAX_PEERS) this.peers.set(origin, peer);
    else peer.sequence = before;
    return peer;
  }

  private moveMembers(
    peer: Peer,
    channel: string,
    join: readonly string[],
    leave: readonly string[],
  ): void {
    const members = peer.members.get(channel) ?? new Set<string>();
    const joined = join.filter((member) => !members.has(member));
    const left = leave.filter((member) => members.has(member));
    for (const member of joined) members.add(member);
    for (const member of left) members.delete(member);
    if (members.size === 0) peer.members.delete(channel);
    else peer.members.set(channel, members);
    this.listener.onMembers(channel, joined, left);
  }

  private replaceMembers(
    peer: Peer,
    presence: readonly (readonly [string, readonly string[]])[],
  ): void {
    const now = new Map(presence.map(([channel, members]) => [channel, new Set(members)]));
    for (const channel of new Set([...peer.members.keys(), ...now.keys()])) {
      const before = peer.members.get(channel) ?? new Set<string>();
      const after = now.get(channel) ?? new Set<string>();
      const join = [...after].filter((member) => !before.has(member));
      const leave = [...before].filter((member) => !after.has(member));
      this.moveMembers(peer, channel, join, leave);
    }
  }

  private onGap(): void {
    this.gapsTotal++;
    this.listener.onGap();
  }
}

/** The head of a message; nothing where somebody else has sent it. */
function headOf(json: string): Head | undefined {
  try {
    const head = JSON.parse(json) as Head | null;
    return typeof head?.origin === 'string' && Number.isSafeInteger(head.sequence)
      ? head
      : undefined;
  } catch {
    return undefined;
  }
}
