import type { DenseGiven, DenseOutput, FeatOutput, FeaturesInput, RunOptions, Scene, SceneReport, StepTime } from "../api.ts";
import { checkItems, checkTensor, isDenseInput, type DenseInputPlan } from "../dense-inputs.ts";
import { SpnetError, throwIfAborted } from "../errors.ts";
import { checkFeatures, mergeFeatures } from "../inputs.ts";
import { checkInto, deliver } from "../into.ts";
import { placeBuffers, type Placement } from "../placement.ts";
import type { InputPlan, OutputPlan, Rows } from "../plan.ts";
import { makeDeferred } from "./deferred.ts";
import type { Call } from "./engine.ts";
import { CHUNK_ROWS, CLEAR_CHUNK, FINITE_CHUNK } from "./fields.ts";
import type { CpuGeometry } from "./geometry.ts";
import { Region } from "./heap.ts";
import { placeFeatures, type CpuInput, type PlacedFeatures } from "./inputs.ts";
import type { CpuNetwork } from "./network.ts";
import type { PointCells } from "../placed-points.ts";
import type { CpuStep } from "./plan.ts";

/** Sites and rulebooks in memory, with feature memory of exact size. */
export class CpuScene<Inputs, Outputs> implements Scene<Outputs> {
  readonly report: SceneReport;
  readonly #net: CpuNetwork<Inputs, Outputs>;
  readonly #geometry: CpuGeometry;
  readonly #inputs: ReadonlyMap<number, CpuInput>;
  readonly #cells: ReadonlyMap<number, PointCells>;
  readonly #batch: number;
  readonly #placement: Placement;
  #disposed = false;

  constructor(net: CpuNetwork<Inputs, Outputs>, geometry: CpuGeometry, inputs: ReadonlyMap<number, CpuInput>, cells: ReadonlyMap<number, PointCells>, batch: number) {
    this.#net = net;
    this.#cells = cells;
    this.#geometry = geometry;
    this.#inputs = inputs;
    this.#batch = batch;
    this.#placement = placeBuffers(net.plan.buffers.map((b) => ({ bytes: this.#count(b.rows) * b.width * 4, live: b.live })));
    const { sites, rulebooks } = net.plan.geometry;
    this.report = {
      batch,
      sites: sites.map((s, i) => ({ id: s.id, rows: geometry.rows[i]! })),
      rulebooks: rulebooks.map((r, i) => ({ name: r.name, from: sites[r.from]!.id, to: sites[r.to]!.id, pairs: geometry.pairs[i]! })),
      memory: {
        planned: Math.max(geometry.peak, geometry.bytes + this.#placement.peak),
        lowerBound: geometry.live + Math.max(geometry.tableBytes, this.#placement.lowerBound),
      },
    };
  }

  async run(features: Readonly<Record<string, FeaturesInput | DenseGiven>>, options: RunOptions = {}): Promise<Outputs> {
    refuseGpuOutputs(options);
    checkInto(this.#net.plan.outputs, options);
    return await this.#queued(features, options.signal, (placed) => this.runNow(placed, options));
  }

  /** `run`, when nothing else of the network runs. */
  async runNow(features: PlacedFeatures, options: RunOptions): Promise<Outputs> {
    throwIfAborted(options.signal);
    return this.#with(features, async (calls, flag) => {
      let open = [...calls];
      for (const [i, step] of this.#net.plan.steps.entries()) {
        if (step.prune !== undefined) {
          await this.#net.engine.run(open);
          open = [];
          await this.#prune(step);
        } else {
          open.push(...this.#step(step, i));
        }
      }
      const gathers = this.#gathers();
      await this.#net.engine.run([...open, ...gathers.calls]);
      this.#checkFinite(features, flag);
      return this.#read(gathers.at, options.into);
    });
  }

  async profile(features: Readonly<Record<string, FeaturesInput | DenseGiven>>): Promise<{ readonly outputs: Outputs; readonly steps: readonly StepTime[] }> {
    const { engine, plan } = this.#net;
    return await this.#queued(features, undefined, (placed) =>
      this.#with(placed, async (calls, flag) => {
        await engine.run(calls);
        this.#checkFinite(placed, flag);
        const steps: StepTime[] = [];
        for (const [i, step] of plan.steps.entries()) {
          const start = performance.now();
          await (step.prune === undefined ? engine.run(this.#step(step, i)) : this.#prune(step));
          const milliseconds = performance.now() - start;
          const rows = this.#count(step.rows);
          const counts = step.macs.perPair.map((p) => (p.taps === undefined ? this.#geometry.pairs[p.rulebook]! : this.#geometry.pairsOf(p.rulebook, p.taps)));
          const pairs = counts.reduce((a, b) => a + b, 0);
          const macs = step.macs.perPair.reduce((n, p, k) => n + counts[k]! * p.macs, rows * step.macs.perRow);
          steps.push({ kernel: step.kernel, source: step.source, rows, pairs, macs, milliseconds });
        }
        const gathers = this.#gathers();
        await engine.run(gathers.calls);
        return { outputs: this.#read(gathers.at, undefined), steps };
      }),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // What runs still reads the scene: its memory is free once that has ended.
    void this.#net.engine.exclusively(() => Promise.resolve(this.#geometry.free())).catch(() => undefined);
  }

  /** Frees the scene at once; nothing may be running. */
  disposeNow(): void {
    this.#disposed = true;
    this.#geometry.free();
  }

  /** Reads features at once and does `work` in its turn. What is asked for before `dispose` still runs: memory is freed behind it. */
  #queued<T>(features: Readonly<Record<string, FeaturesInput | DenseGiven>>, signal: AbortSignal | undefined, work: (placed: PlacedFeatures) => Promise<T>): Promise<T> {
    return this.#net.queued(signal, (staging) => {
      if (this.#disposed) throw new SpnetError("SP0621", "this scene has been disposed");
      const placed = placeFeatures(this.#net.plan, this.#net.engine.heap, features, staging);
      return () => work(placed);
    });
  }

  #count(rows: Rows): number {
    return rows === "batch" ? this.#batch : this.#geometry.rows[rows.site]!;
  }

  #address(buffer: number): number {
    return this.#net.arena(this.#placement.peak) + this.#placement.offsets[buffer]!;
  }

  /** Hands the calls that bring features into row order to `work`, and frees what they needed. */
  async #with<T>(features: PlacedFeatures, work: (calls: readonly Call[], flag: number) => Promise<T>): Promise<T> {
    const { engine, plan, duplicates } = this.#net;
    const staging = new Region(engine.heap);
    this.#net.arena(this.#placement.peak);
    try {
      const flag = staging.alloc(4, "a flag");
      engine.heap.i32(flag, 1)[0] = 0;
      const calls = plan.inputs.flatMap((input): Call[] => {
        if (isDenseInput(input)) return [this.#placeRows(input, features, flag)];
        const { rows, merged } = this.#inputs.get(input.site)!;
        let { at, length } = features.get(input.name)!;
        if (merged !== undefined) {
          const data = mergeFeatures(input.name, duplicates, this.#checkFeatures(input, features), input.channels, merged);
          ({ length } = data);
          at = staging.alloc(4 * length, "features");
          engine.heap.f32(at, length).set(data);
        } else if (length !== rows * input.channels) {
          this.#checkFeatures(input, features);
        }
        return [
          { name: "check_finite", units: Math.ceil(length / FINITE_CHUNK), words: [length, at, flag] },
          { name: "scatter_rows", units: Math.ceil(rows / CHUNK_ROWS), words: [rows, at, this.#geometry.order.get(input.site)!, this.#address(input.buffer), 4 * input.channels] },
        ];
      });
      for (const { cells, buffer } of plan.fractions ?? []) {
        const { fractions } = this.#cells.get(cells)!;
        engine.heap.f32(this.#address(buffer), fractions.length).set(fractions);
      }
      return await work(calls, flag);
    } finally {
      staging.free();
      this.#net.freeStaging();
    }
  }

  /** Puts the rows of a dense input where steps read them; the call looks whether all are finite. */
  #placeRows(input: DenseInputPlan, features: PlacedFeatures, flag: number): Call {
    const { heap } = this.#net.engine;
    const { at, length } = features.get(input.name)!;
    checkItems(input, length / input.shape.reduce((a, b) => a * b, 1), this.#batch);
    const to = this.#address(input.buffer);
    heap.f32(to, length).set(heap.f32(at, length));
    return { name: "check_finite", units: Math.ceil(length / FINITE_CHUNK), words: [length, to, flag] };
  }

  /** SP0815, once the flag is up: names the first value that is not finite. */
  #checkFinite(features: PlacedFeatures, flag: number): void {
    if (this.#net.engine.heap.i32(flag, 1)[0] === 0) return;
    for (const input of this.#net.plan.inputs) this.#checkFeatures(input, features);
    throw new Error("internal: every feature is finite after all");
  }

  /** The features of an input as given; SP0814, SP0815. */
  #checkFeatures(input: InputPlan, features: PlacedFeatures): Float32Array {
    const { at, length } = features.get(input.name)!;
    if (isDenseInput(input)) {
      checkTensor(input, this.#net.engine.heap.f32(at, length), this.#batch);
      return this.#net.engine.heap.f32(at, length);
    }
    const { rows, merged } = this.#inputs.get(input.site)!;
    return checkFeatures(input.name, this.#net.engine.heap.f32(at, length), merged?.rowOf.length ?? rows, input.channels);
  }

  /** Makes a pruned site set by its mask, which the calls before have computed. */
  async #prune({ prune, bindings }: CpuStep): Promise<void> {
    const [binding] = bindings;
    if (prune === undefined || binding?.bind !== "buffer") throw new Error("internal: a pruning without a mask");
    await this.#geometry.prune(prune.site, { at: this.#address(binding.buffer) + 4 * prune.offset, stride: 4 * prune.stride, above: prune.above });
  }

  #step(step: CpuStep, index: number): Call[] {
    const rows = this.#count(step.rows);
    const words = step.bindings.map((b): number => {
      switch (b.bind) {
        case "params":
          return this.#net.params[b.block]!;
        case "buffer":
          return this.#address(b.buffer);
        case "map":
          return this.#geometry.lists[b.rulebook]![b.form as "forward" | "transposed"]!;
        case "coords":
          return this.#geometry.coords[b.site]!;
        case "rows":
          return this.#geometry.rows[b.site]!;
      }
    });
    const clears = this.#net.plan.buffers.flatMap((b, i): Call[] => {
      if (!b.zero || b.live[0] !== index) return [];
      const bytes = this.#count(b.rows) * b.width * 4;
      return [{ name: "clear", units: Math.ceil(bytes / CLEAR_CHUNK), words: [bytes, this.#address(i)] }];
    });
    return [...clears, { name: step.kernel, units: Math.ceil(rows / step.rowsPerUnit) * step.groups, words: [rows, ...words] }];
  }

  /** Outputs on an input's sites go back to the caller's order. */
  #gathers(): { readonly calls: readonly Call[]; readonly at: ReadonlyMap<string, number> } {
    const at = new Map<string, number>();
    const calls = this.#net.plan.outputs.flatMap((output): Call[] => {
      const site = this.#siteOf(output);
      const order = site === undefined || output.deferred !== undefined ? undefined : this.#geometry.order.get(site);
      if (order === undefined) {
        at.set(output.name, this.#address(output.buffer));
        return [];
      }
      const rows = this.#geometry.rows[site!]!;
      const { width } = this.#net.plan.buffers[output.buffer]!;
      const target = this.#net.staging(output.name, 4 * rows * width);
      at.set(output.name, target);
      return [{ name: "gather_rows", units: Math.ceil(rows / CHUNK_ROWS), words: [rows, this.#address(output.buffer), order, target, 4 * width] }];
    });
    return { calls, at };
  }

  #siteOf(output: OutputPlan): number | undefined {
    const { rows } = this.#net.plan.buffers[output.buffer]!;
    return rows === "batch" ? undefined : rows.site;
  }

  #read(at: ReadonlyMap<string, number>, into: RunOptions["into"]): Outputs {
    const { heap } = this.#net.engine;
    const out = new Map<string, FeatOutput | DenseOutput>();
    for (const output of this.#net.plan.outputs) {
      const site = this.#siteOf(output);
      const { width, rows } = this.#net.plan.buffers[output.buffer]!;
      const count = this.#count(rows);
      const { deferred } = output;
      if (deferred !== undefined) {
        const coords = heap.i32(this.#geometry.coords[deferred.site]!, count * (deferred.extents.length + 1));
        const cells = this.#batch * output.shape.reduce((a, b) => a * b, 1);
        out.set(output.name, { shape: [this.#batch, ...output.shape], data: makeDeferred(output.name, deferred, cells, heap.f32(at.get(output.name)!, count * width), coords, into) });
        continue;
      }
      const data = deliver(output.name, heap.f32(at.get(output.name)!, count * width), into);
      if (site === undefined) {
        out.set(output.name, { shape: [this.#batch, ...output.shape], data });
        continue;
      }
      out.set(output.name, { rows: count, channels: width, coords: this.#coords(site), features: data });
    }
    // Not by assignment: an output may be called `__proto__`.
    return Object.fromEntries(out) as Outputs;
  }

  /** Coordinates of a set: an input's in the caller's order, others sorted. */
  #coords(site: number): Int32Array {
    const { heap } = this.#net.engine;
    const rows = this.#geometry.rows[site]!;
    const width = this.#net.plan.geometry.sites[site]!.dim + 1;
    const sorted = heap.i32(this.#geometry.coords[site]!, rows * width);
    const at = this.#geometry.order.get(site);
    if (at === undefined) return sorted.slice();
    const order = heap.i32(at, rows);
    const coords = new Int32Array(rows * width);
    for (let row = 0; row < rows; row++) for (let c = 0; c < width; c++) coords[row * width + c] = sorted[order[row]! * width + c]!;
    return coords;
  }
}

/** SP0622: nothing of the CPU's can be left on a GPU. */
export function refuseGpuOutputs(options: RunOptions): void {
  if (options.output === "gpu") throw new SpnetError("SP0622", "outputs can stay on a GPU only where one runs the network; this one runs on the CPU");
}
