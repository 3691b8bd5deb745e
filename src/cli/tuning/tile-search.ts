import type { Module, Op } from "../../ir/module.ts";
import type { Choices } from "../../codegen/tuning/choices.ts";
import { isHopeless, judge, MARGIN, type Verdict } from "../../codegen/tuning/decide.ts";
import { addsAlike, needsSubgroups, sameTile, tileKey, tilesOf, tileText, untunedTile, type Tile, type TileTarget } from "../../codegen/tuning/tiles.ts";
import { repetitionsFor } from "./sample.ts";
import type { Search, Subject } from "./search.ts";
import { verdictText } from "./words.ts";

/** Candidates per kind of step that are measured with care, after one look at all of them. */
const FINALISTS = 2;

/** Rounds of the first look, which ranks and decides nothing. */
const LOOKS = 2;

/** A kind of steps, those that share a choice. */
interface Kind {
  readonly key: string;
  readonly tiles: readonly Tile[];
  /** What it has without tuning; undefined on the CPU, whose tiles all add alike. */
  readonly untuned: Tile | undefined;
}

/** Comparisons with care that there can be. */
export const tileComparisons = (plan: Module, target: TileTarget, subgroups: boolean): number => kindsOf(stepsOf(plan), target, subgroups).reduce((n, kind) => n + Math.min(FINALISTS, kind.tiles.length), 0);

const stepsOf = (plan: Module): readonly Op[] => plan.ops.filter((op) => op.name.startsWith("step.") && op.name !== "step.geometry");

function kindsOf(steps: readonly Op[], target: TileTarget, subgroups: boolean): readonly Kind[] {
  const kinds = new Map<string, Kind>();
  for (const op of steps) {
    const key = tileKey(op);
    if (key === undefined || kinds.has(key)) continue;
    const untuned = untunedTile(op, target);
    const tiles = tilesOf(op, target).filter((tile) => (subgroups || !needsSubgroups(tile)) && (untuned === undefined || !sameTile(tile, untuned)));
    if (tiles.length > 0) kinds.set(key, { key, tiles, untuned });
  }
  return [...kinds.values()];
}

/**
 * Tiles: each candidate in turn for all kinds of steps that can have it, one look; then the best of each kind with care,
 * on fresh times, again candidate after candidate. The best network so far and one candidate are open at a time.
 */
export class TileSearch<R> {
  readonly #search: Search<R>;
  /** Kind of each step. */
  readonly #keys: readonly (string | undefined)[];
  readonly #kinds: readonly Kind[];

  constructor(search: Search<R>) {
    this.#search = search;
    const steps = stepsOf(search.current.subject.plan);
    this.#keys = steps.map(tileKey);
    this.#kinds = kindsOf(steps, search.bench.target, search.bench.subgroups);
  }

  async run(): Promise<void> {
    if (this.#kinds.length === 0 || this.#search.late) return;
    const { subject } = this.#search.current;
    await subject.profile();
    const once = byKey(await subject.profile(), this.#keys);
    const all = [...once.values()].reduce((a, b) => a + b, 0);
    // What is less of the time than a gain has to be cannot make a gain.
    const worth = this.#kinds.filter(({ key }) => once.get(key)! >= MARGIN * all);
    const looks = await this.#lookAtAll(worth);
    const best = await this.#judgeAll(worth, looks);
    const tiles = Object.fromEntries([...best].map(([key, { tile }]) => [key, tile]));
    if (best.size === 0) return;
    const choices = { ...this.#search.current.choices, tiles };
    const together = await this.#search.open(choices, this.#exact(Object.entries(tiles)), "all tiles together");
    if (together !== undefined) this.#search.take({ choices, subject: together });
  }

  /** Quotients of the time with each tile, by kind; of candidates that run and give the same results. */
  async #lookAtAll(kinds: readonly Kind[]): Promise<ReadonlyMap<Tile, ReadonlyMap<string, number>>> {
    const looks = new Map<Tile, ReadonlyMap<string, number>>();
    for (const tile of distinctTiles(kinds.flatMap((k) => k.tiles))) {
      if (this.#search.late) break;
      const keys = kinds.filter((k) => k.tiles.some((t) => sameTile(t, tile))).map((k) => k.key);
      const good = await this.#proven(tile, keys);
      if (good === undefined) continue;
      try {
        const { ratios } = await this.#rounds(good.subject, good.keys, LOOKS);
        looks.set(tile, new Map(good.keys.map((key) => [key, Math.min(...ratios.get(key)!)])));
      } finally {
        good.subject.dispose();
      }
    }
    return looks;
  }

  /** Of each kind the tile that is faster for sure, if any. */
  async #judgeAll(kinds: readonly Kind[], looks: ReadonlyMap<Tile, ReadonlyMap<string, number>>): Promise<ReadonlyMap<string, Winner>> {
    const finals = new Map<Tile, string[]>();
    for (const { key } of kinds) {
      const ranked = [...looks].filter(([, look]) => look.has(key)).sort(([, a], [, b]) => a.get(key)! - b.get(key)!);
      for (const [tile] of ranked.slice(0, FINALISTS)) finals.set(tile, [...(finals.get(tile) ?? []), key]);
    }
    const best = new Map<string, Winner>();
    for (const [tile, keys] of finals) {
      if (this.#search.late) break;
      const good = await this.#proven(tile, keys);
      if (good === undefined) continue;
      try {
        const { ratios, repetitions } = await this.#rounds(good.subject, good.keys, this.#search.rounds);
        for (const key of good.keys) {
          const verdict = judge(ratios.get(key)!, this.#search.rounds);
          this.#search.bench.say(`${key}: tile ${tileText(tile)}, ${verdictText(verdict, repetitions)}`);
          if (verdict.verdict === "faster" && verdict.ratio < (best.get(key)?.verdict.ratio ?? Infinity)) best.set(key, { tile, verdict });
        }
      } finally {
        good.subject.dispose();
      }
    }
    return best;
  }

  /**
   * A network with a tile for those of the kinds for which it runs and gives the same results. Where it does not for all
   * of them together, halves are tried: it is dropped for the kinds where it was wrong, and for no others.
   */
  async #proven(tile: Tile, keys: readonly string[]): Promise<{ readonly subject: Subject<R>; readonly keys: readonly string[] } | undefined> {
    const choices = (of: readonly string[]): Choices => ({ ...this.#search.current.choices, tiles: Object.fromEntries(of.map((key) => [key, tile])) });
    const exact = this.#exact(keys.map((key) => [key, tile]));
    const first = await this.#search.tryOpen(choices(keys), exact);
    if (first.subject !== undefined) return { subject: first.subject, keys };
    const right = async (of: readonly string[], why: string): Promise<readonly string[]> => {
      if (of.length === 1) {
        this.#search.drop(`${of[0]}: tile ${tileText(tile)}`, why);
        return [];
      }
      const found: string[] = [];
      for (const half of [of.slice(0, of.length >> 1), of.slice(of.length >> 1)]) {
        const tried = await this.#search.tryOpen(choices(half), exact);
        tried.subject?.dispose();
        found.push(...(tried.subject === undefined ? await right(half, tried.why) : half));
      }
      return found;
    };
    const rest = await right(keys, first.why);
    if (rest.length === 0) return undefined;
    const subject = await this.#search.open(choices(rest), exact, `tile ${tileText(tile)} of ${rest.join(", ")} together`);
    return subject === undefined ? undefined : { subject, keys: rest };
  }

  /** Whether tiles add in the order of those that they replace, so that results must be equal bit for bit. */
  #exact(tiles: readonly (readonly [key: string, tile: Tile])[]): boolean {
    const untuned = new Map(this.#kinds.map((kind) => [kind.key, kind.untuned]));
    return tiles.every(([key, tile]) => {
      const before = untuned.get(key);
      return before === undefined || addsAlike(tile, before);
    });
  }

  /** Quotients of the time of each kind of step, in rounds of samples in which the shortest kind lasts long enough for the clock. */
  async #rounds(candidate: Subject<R>, keys: readonly string[], rounds: number): Promise<{ readonly ratios: ReadonlyMap<string, readonly number[]>; readonly repetitions: number }> {
    const current = this.#search.current.subject;
    await candidate.profile();
    const repetitions = Math.max(await this.#repetitions(candidate, keys), await this.#repetitions(current, keys));
    const ratios = new Map<string, number[]>(keys.map((key) => [key, []]));
    for (let round = 0; round < rounds && !this.#search.late && ![...ratios.values()].every(isHopeless); round++) {
      const [first, second] = round % 2 === 0 ? [candidate, current] : [current, candidate];
      const [early, late] = [await this.#sample(first, repetitions), await this.#sample(second, repetitions)];
      // A sample that time cut short tells nothing.
      if (this.#search.late) break;
      const [x, y] = round % 2 === 0 ? [early, late] : [late, early];
      for (const key of keys) ratios.get(key)!.push(x.get(key)! / y.get(key)!);
    }
    return { ratios, repetitions };
  }

  /** Milliseconds of each kind, all repetitions together. */
  async #sample(subject: Subject<R>, repetitions: number): Promise<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (let i = 0; i < repetitions && !this.#search.late; i++) {
      for (const [key, ms] of byKey(await subject.profile(), this.#keys)) sums.set(key, (sums.get(key) ?? 0) + ms);
    }
    return sums;
  }

  #repetitions(subject: Subject<R>, keys: readonly string[]): Promise<number> {
    const last = async (repetitions: number): Promise<number> => {
      const sums = await this.#sample(subject, repetitions);
      return this.#search.late ? Infinity : Math.min(...keys.map((key) => sums.get(key)!));
    };
    return repetitionsFor(last, this.#search.sample);
  }
}

interface Winner {
  readonly tile: Tile;
  readonly verdict: Verdict;
}

function distinctTiles(all: readonly Tile[]): readonly Tile[] {
  return all.filter((tile, i) => all.findIndex((other) => sameTile(other, tile)) === i);
}

/** Milliseconds by kind of step. */
function byKey(times: readonly number[], keys: readonly (string | undefined)[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  times.forEach((ms, i) => {
    const key = keys[i];
    if (key !== undefined) sums.set(key, (sums.get(key) ?? 0) + ms);
  });
  return sums;
}
