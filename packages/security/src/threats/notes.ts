/** Collects evidence while one text is analysed, so that analysers return nothing and allocate little. */
import type { Evidence, Threat } from './finding.ts';

interface Note extends Evidence {
  readonly threat: Threat;
  /** Where in the text. */
  readonly at: number;
}

/** The evidence of one text. A rule counts once, with its best score. */
export class Notes {
  private readonly list: Note[] = [];

  get empty(): boolean {
    return this.list.length === 0;
  }

  add(threat: Threat, rule: string, score: number, at: number): void {
    const known = this.list.findIndex((note) => note.rule === rule);
    if (known === -1) this.list.push({ threat, rule, score, at });
    else if (this.list[known]!.score < score) this.list[known] = { threat, rule, score, at };
  }

  clear(): void {
    this.list.length = 0;
  }

  /** The evidence by threat, strongest rule first. */
  byThreat(): Map<Threat, readonly Note[]> {
    const found = new Map<Threat, Note[]>();
    for (const note of this.list) {
      const notes = found.get(note.threat);
      if (notes === undefined) found.set(note.threat, [note]);
      else notes.push(note);
    }
    for (const notes of found.values()) notes.sort((one, other) => other.score - one.score);
    return found;
  }
}
