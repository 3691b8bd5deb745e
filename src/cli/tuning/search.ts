import type { Module } from "../../ir/module.ts";
import { printModule } from "../../ir/print.ts";
import { PIPELINE_TUNABLES, type Choices, type PipelineTunable } from "../../codegen/tuning/choices.ts";
import { isHopeless, judge, median, roundsFor, type Verdict } from "../../codegen/tuning/decide.ts";
import { leastSample, repetitionsFor, timeRuns } from "./sample.ts";
import { tileComparisons, TileSearch } from "./tile-search.ts";
import { verdictText } from "./words.ts";

/** A network made by some choices, ready on a scene. */
export interface Subject<R = unknown> {
  readonly plan: Module;
  /** What it computed; still there when the network is disposed. */
  readonly results: R;
  /** One whole run. */
  run(): Promise<void>;
  /** One run; milliseconds of each step. */
  profile(): Promise<readonly number[]>;
  dispose(): void;
}

/** What the search works on: a real machine, or a made-up one in tests. */
export interface Workbench<R = unknown> {
  readonly target: "webgpu" | "wasm";
  /** Whether kernels may use subgroups here. */
  readonly subgroups: boolean;
  plan(choices: Choices): Module;
  open(choices: Choices): Promise<Subject<R>>;
  /** Why some results are not others, or undefined. Bits must agree where `sameBits`. */
  difference(found: R, wanted: R, sameBits: boolean): string | undefined;
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  say(line: string): void;
}

export interface Tuned {
  readonly choices: Choices;
  readonly milliseconds: { readonly standard: number; readonly tuned: number };
  /** How that was measured: rounds, and runs in each of their samples. */
  readonly samples: { readonly rounds: number; readonly repetitions: number };
  /** Candidates that do not run here, or whose results were others. */
  readonly dropped: readonly string[];
}

/** Choices, and the network that they make, open. */
export interface Made<R> {
  readonly choices: Choices;
  readonly subject: Subject<R>;
}

type Compared = Verdict & Pick<Tuned, "milliseconds" | "samples">;

/** Samples that give the standard network's time, where nothing was better. */
const TIMES = 5;

/**
 * Finds better choices for a network on a scene: tiles, then pipelines one by one, each against the best so far. A
 * candidate must first give the same results. What was found must be faster than the standard network once more, as a
 * whole. No more than two networks are open at a time. Stops when `seconds` are spent.
 */
export async function tune<R>(bench: Workbench<R>, start: Choices, seconds: number): Promise<Tuned> {
  const standard = await bench.open(start);
  const search = new Search(bench, start, standard, bench.now() + 1000 * seconds);
  try {
    return await search.all();
  } finally {
    search.dispose();
  }
}

/** What all parts of a search share. */
export class Search<R> {
  readonly bench: Workbench<R>;
  readonly dropped: string[] = [];
  /** Rounds of each comparison: for all that there can be, whether they take place or not. */
  readonly rounds: number;
  /** Milliseconds that a sample lasts at least. */
  readonly sample: number;
  readonly #start: Choices;
  /** Of the standard network. */
  readonly #results: R;
  readonly #end: number;
  #current: Made<R>;

  constructor(bench: Workbench<R>, start: Choices, standard: Subject<R>, end: number) {
    this.bench = bench;
    this.#start = start;
    this.#results = standard.results;
    this.#current = { choices: start, subject: standard };
    this.#end = end;
    const values = this.#tunables().reduce((n, t) => n + t.values.length, 0);
    this.rounds = roundsFor(tileComparisons(standard.plan, bench.target, bench.subgroups) + values + 1);
    this.sample = leastSample(() => bench.now());
  }

  get late(): boolean {
    return this.bench.now() > this.#end;
  }

  /** The best so far. */
  get current(): Made<R> {
    return this.#current;
  }

  async all(): Promise<Tuned> {
    await new TileSearch(this).run();
    for (const tunable of this.#tunables()) await this.#pipelines(tunable);
    if (this.#current.choices === this.#start) return this.#nothing();
    const standard = await this.bench.open(this.#start);
    try {
      const found = await this.compare(this.#current.subject, standard, false);
      this.bench.say(`all that was chosen: ${verdictText(found, found.samples.repetitions)}`);
      if (found.verdict === "faster") return { choices: this.#current.choices, milliseconds: found.milliseconds, samples: found.samples, dropped: this.dropped };
    } finally {
      standard.dispose();
    }
    this.#current.subject.dispose();
    this.#current = { choices: this.#start, subject: await this.bench.open(this.#start) };
    return this.#nothing();
  }

  /** Puts a candidate in the place of the best so far. */
  take(better: Made<R>): void {
    this.#current.subject.dispose();
    this.#current = better;
  }

  dispose(): void {
    this.#current.subject.dispose();
  }

  /** A candidate's network whose results are those of the best so far, or undefined: it is dropped then, and closed. */
  async open(choices: Choices, sameBits: boolean, label: string): Promise<Subject<R> | undefined> {
    const { subject, why } = await this.tryOpen(choices, sameBits);
    if (subject === undefined) this.drop(label, why);
    return subject;
  }

  drop(label: string, why: string): void {
    this.dropped.push(label);
    this.bench.say(`${label}: dropped, ${why}`);
  }

  /** As `open`, without a word. */
  async tryOpen(choices: Choices, sameBits: boolean): Promise<{ readonly subject: Subject<R>; readonly why?: undefined } | { readonly subject?: undefined; readonly why: string }> {
    let subject: Subject<R>;
    try {
      subject = await this.bench.open(choices);
    } catch (cause) {
      return { why: `it does not run here: ${cause instanceof Error ? cause.message : String(cause)}` };
    }
    const why = this.bench.difference(subject.results, sameBits ? this.#current.subject.results : this.#results, sameBits);
    if (why === undefined) return { subject };
    subject.dispose();
    return { why: `its results differ: ${why}` };
  }

  /** Runs two networks turn about in the rounds that were fixed; ends early only for a candidate that cannot win any more. */
  async compare(candidate: Subject<R>, current: Subject<R>, mayEnd = true): Promise<Compared> {
    const now = (): number => this.bench.now();
    const samples = [candidate, current].map((subject) => (repetitions: number): Promise<number> => timeRuns(now, () => subject.run(), repetitions));
    // The first run of each warms up.
    for (const sample of samples) await sample(1);
    const repetitions = Math.max(await repetitionsFor(samples[0]!, this.sample), await repetitionsFor(samples[1]!, this.sample));
    const times: (readonly [number, number])[] = [];
    const ratios: number[] = [];
    while (times.length < this.rounds && !isHopeless(ratios) && !(mayEnd && this.late)) {
      // Who goes first changes, so that neither always follows the other.
      const first = times.length % 2;
      const early = await samples[first]!(repetitions);
      const late = await samples[1 - first]!(repetitions);
      const pair = first === 0 ? ([early, late] as const) : ([late, early] as const);
      times.push(pair);
      ratios.push(pair[0] / pair[1]);
    }
    return {
      ...judge(ratios, this.rounds),
      milliseconds: { tuned: median(times.map(([x]) => x)) / repetitions, standard: median(times.map(([, y]) => y)) / repetitions },
      samples: { rounds: times.length, repetitions },
    };
  }

  /** The best of a tunable's values and of what there is without it. */
  async #pipelines(tunable: PipelineTunable): Promise<void> {
    for (const { value, apply } of tunable.values) {
      const { choices, subject } = this.#current;
      const changed = { ...choices, pipeline: apply(choices.pipeline) };
      if (this.late || textOf(this.bench.plan(changed)) === textOf(subject.plan)) continue;
      const label = `${tunable.name}: ${value}`;
      const candidate = await this.open(changed, tunable.sameBits, label);
      if (candidate === undefined) continue;
      let taken = false;
      try {
        const verdict = await this.compare(candidate, subject);
        this.bench.say(`${label}: ${verdictText(verdict, verdict.samples.repetitions)}`);
        taken = verdict.verdict === "faster";
      } finally {
        if (!taken) candidate.dispose();
      }
      if (taken) this.take({ choices: changed, subject: candidate });
    }
  }

  /** The standard network's own time. */
  async #nothing(): Promise<Tuned> {
    const { subject } = this.#current;
    const sample = (repetitions: number): Promise<number> => timeRuns(() => this.bench.now(), () => subject.run(), repetitions);
    await sample(1);
    const repetitions = await repetitionsFor(sample, this.sample);
    const times: number[] = [];
    for (let i = 0; i < TIMES; i++) times.push((await sample(repetitions)) / repetitions);
    const middle = median(times);
    return { choices: this.#start, milliseconds: { tuned: middle, standard: middle }, samples: { rounds: TIMES, repetitions }, dropped: this.dropped };
  }

  #tunables(): readonly PipelineTunable[] {
    return PIPELINE_TUNABLES.filter((t) => t.targets.includes(this.bench.target));
  }
}

const textOf = (plan: Module): string => printModule(plan, { locations: false });
