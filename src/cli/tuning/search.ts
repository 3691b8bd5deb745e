import type { Module } from "../../ir/module.ts";
import { printModule } from "../../ir/print.ts";
import { PIPELINE_TUNABLES, type Choices, type PipelineTunable } from "../../codegen/tuning/choices.ts";
import { judge, LEAST_ROUNDS, MOST_ROUNDS, type Verdict } from "../../codegen/tuning/decide.ts";
import { sameTile, tilesOf, tileKey } from "../../codegen/tuning/tiles.ts";
import { printPipeline } from "../../passes/pipeline.ts";
import type { TileChoice } from "../../codegen/wgsl/kernels/shape.ts";

/** A network made by some choices, ready on a scene. */
export interface Subject {
  readonly plan: Module;
  /** Milliseconds of one whole run. */
  run(): Promise<number>;
  /** Milliseconds of each step. */
  profile(): Promise<readonly number[]>;
  dispose(): void;
}

/** What the search works on: a real machine, or a made-up one in tests. */
export interface Workbench<S extends Subject = Subject> {
  readonly target: "webgpu" | "wasm";
  plan(choices: Choices): Module;
  open(choices: Choices): Promise<S>;
  /** Why the results of a subject are not those of another, or undefined. Bits must agree where `sameBits`. */
  difference(found: S, wanted: S, sameBits: boolean): string | undefined;
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  say(line: string): void;
}

export interface Tuned {
  readonly choices: Choices;
  readonly milliseconds: { readonly standard: number; readonly tuned: number };
  /** Candidates that do not run here, or whose results were others. */
  readonly dropped: readonly string[];
}

/** Candidates per kind of step that are measured with care, after one look at all of them. */
const FINALISTS = 2;

/**
 * Finds better choices for a network on a scene: pipelines one by one, each against the best so far, then tiles, all steps
 * at once and judged step by step. A candidate must first give the same results. Stops when `seconds` are spent.
 */
export async function tune<S extends Subject>(bench: Workbench<S>, start: Choices, seconds: number): Promise<Tuned> {
  const search = new Search(bench, bench.now() + 1000 * seconds, await bench.open(start));
  try {
    let best: Made<S> = { choices: start, subject: search.standard };
    if (bench.target === "webgpu") best = await search.tiles(best);
    for (const tunable of PIPELINE_TUNABLES.filter((t) => t.targets.includes(bench.target))) best = await search.pipelines(tunable, best);
    const times = best.subject === search.standard ? await search.times() : await search.compare(best.subject, search.standard);
    const choices = times.verdict === "slower" ? start : best.choices;
    return { choices, milliseconds: times.milliseconds, dropped: search.dropped };
  } finally {
    search.dispose();
  }
}

type Compared = Verdict & { readonly milliseconds: Tuned["milliseconds"] };

/** Choices, and the network that they make. */
interface Made<S> {
  readonly choices: Choices;
  readonly subject: S;
}

class Search<S extends Subject> {
  /** What there is without tuning: all results are compared with its. */
  readonly standard: S;
  readonly dropped: string[] = [];
  readonly #bench: Workbench<S>;
  readonly #end: number;
  readonly #opened: S[];

  constructor(bench: Workbench<S>, end: number, standard: S) {
    this.#bench = bench;
    this.#end = end;
    this.standard = standard;
    this.#opened = [standard];
  }

  dispose(): void {
    this.#opened.forEach((subject) => subject.dispose());
  }

  /** The best of a tunable's values and of what there is without it. */
  async pipelines(tunable: PipelineTunable, current: Made<S>): Promise<Made<S>> {
    let best = current;
    for (const { value, apply } of tunable.values) {
      const choices = { ...best.choices, pipeline: apply(best.choices.pipeline) };
      if (this.#late || textOf(this.#bench.plan(choices)) === textOf(best.subject.plan)) continue;
      const label = `${tunable.name}: ${value}`;
      const subject = await this.#try(choices, label);
      if (subject === undefined || !this.#proven(subject, tunable.sameBits ? best.subject : this.standard, tunable.sameBits, label)) continue;
      const verdict = await this.compare(subject, best.subject);
      this.#bench.say(`${label}: ${words(verdict)}`);
      if (verdict.verdict === "faster") best = { choices, subject };
    }
    return best;
  }

  /** Tiles: every candidate for all steps that can have it, one look each; then the best of each kind of step with care. */
  async tiles(current: Made<S>): Promise<Made<S>> {
    const steps = current.subject.plan.ops.filter((op) => op.name.startsWith("step.") && op.name !== "step.geometry");
    const keys = steps.map(tileKey);
    const candidates: { readonly tile: TileChoice; readonly subject: S; readonly keys: ReadonlySet<string>; readonly look: ReadonlyMap<string, number> }[] = [];
    for (const tile of distinctTiles(steps.flatMap(tilesOf))) {
      if (this.#late) break;
      const fits = new Set(steps.flatMap((op, i) => (keys[i] !== undefined && tilesOf(op).some((c) => sameTile(c, tile)) ? [keys[i]] : [])));
      const subject = await this.#try({ ...current.choices, tiles: Object.fromEntries([...fits].map((key) => [key, tile])) }, `tile ${tileText(tile)}`);
      if (subject === undefined || !this.#proven(subject, current.subject, true, `tile ${tileText(tile)}`)) continue;
      await subject.profile();
      candidates.push({ tile, subject, keys: fits, look: byKey(await subject.profile(), keys) });
    }
    const tiles: Record<string, TileChoice> = {};
    for (const key of new Set(keys.filter((k) => k !== undefined))) {
      const ranked = candidates.filter((c) => c.keys.has(key)).sort((a, b) => a.look.get(key)! - b.look.get(key)!);
      let best: (Verdict & { readonly tile: TileChoice }) | undefined;
      for (const { tile, subject } of ranked.slice(0, FINALISTS)) {
        if (this.#late) break;
        const verdict = judge(await this.#ratios(subject, current.subject, keys, key));
        if (verdict.verdict === "faster" && (best === undefined || verdict.ratio < best.ratio)) best = { ...verdict, tile };
      }
      if (best === undefined) continue;
      tiles[key] = best.tile;
      this.#bench.say(`${key}: tile ${tileText(best.tile)}, ${words(best)}`);
    }
    if (Object.keys(tiles).length === 0) return current;
    const choices = { ...current.choices, tiles };
    const subject = await this.#open(choices);
    return this.#proven(subject, current.subject, true, "all tiles together") ? { choices, subject } : current;
  }

  /** Runs two networks turn about until one is faster for sure, or enough rounds did not tell. */
  async compare(candidate: S, current: S): Promise<Compared> {
    await candidate.run();
    await current.run();
    const times: (readonly [number, number])[] = [];
    let verdict = judge([1]);
    while (times.length < LEAST_ROUNDS || (times.length < MOST_ROUNDS && !this.#late && verdict.verdict === "equal")) {
      // Who goes first changes, so that neither always follows the other.
      const first = times.length % 2 === 0;
      const early = await (first ? candidate : current).run();
      const late = await (first ? current : candidate).run();
      times.push(first ? [early, late] : [late, early]);
      verdict = judge(times.map(([x, y]) => x / y));
    }
    return { ...verdict, milliseconds: { tuned: middle(times.map(([x]) => x)), standard: middle(times.map(([, y]) => y)) } };
  }

  /** The standard network's own time, where nothing was better. */
  async times(): Promise<Compared> {
    const times: number[] = [];
    for (let i = 0; i < LEAST_ROUNDS; i++) times.push(await this.standard.run());
    return { ...judge([1]), milliseconds: { tuned: middle(times), standard: middle(times) } };
  }

  /** Quotients of the times of one kind of step in two networks, in rounds. */
  async #ratios(candidate: S, current: S, keys: readonly (string | undefined)[], key: string): Promise<readonly number[]> {
    const ratios: number[] = [];
    for (let round = 0; round < LEAST_ROUNDS; round++) {
      const [x, y] = [byKey(await candidate.profile(), keys), byKey(await current.profile(), keys)];
      ratios.push(x.get(key)! / y.get(key)!);
    }
    return ratios;
  }

  /** A candidate's network, or undefined where it cannot be made or run here: it is dropped then. */
  async #try(choices: Choices, label: string): Promise<S | undefined> {
    try {
      return await this.#open(choices);
    } catch (cause) {
      this.dropped.push(label);
      this.#bench.say(`${label}: dropped, it does not run here: ${cause instanceof Error ? cause.message : String(cause)}`);
      return undefined;
    }
  }

  async #open(choices: Choices): Promise<S> {
    const subject = await this.#bench.open(choices);
    this.#opened.push(subject);
    return subject;
  }

  #proven(subject: S, wanted: S, sameBits: boolean, label: string): boolean {
    const why = this.#bench.difference(subject, wanted, sameBits);
    if (why === undefined) return true;
    this.dropped.push(label);
    this.#bench.say(`${label}: dropped, its results differ: ${why}`);
    return false;
  }

  get #late(): boolean {
    return this.#bench.now() > this.#end;
  }
}

const tileText = ({ threads, perThread, dataflow }: TileChoice): string => `${threads} × ${perThread}${dataflow === undefined ? "" : ` ${dataflow}`}`;

const textOf = (plan: Module): string => printModule(plan, { locations: false });

function distinctTiles(all: readonly TileChoice[]): readonly TileChoice[] {
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

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const words = ({ ratio, noise, verdict }: Verdict): string => `${(100 * (ratio - 1)).toFixed(1)} % ± ${(100 * noise).toFixed(1)} in time, ${verdict}`;

/** What a person reads of choices. */
export const describeChoices = ({ pipeline, tiles }: Choices): readonly string[] => [
  `pipeline ${printPipeline(pipeline)}`,
  ...Object.entries(tiles).map(([key, t]) => `${key}: ${t.threads} invocations along the columns, ${t.perThread} rows each${t.dataflow === undefined ? "" : `, ${t.dataflow}`}`),
];
