import type { CoordsInput, GivenInputs, InputCoords, Network, PrepareOptions, RunOptions, Scene } from "../api.ts";
import { batchOfTensors } from "../dense-inputs.ts";
import { SpnetError, throwIfAborted } from "../errors.ts";
import { firstDuplicate, mergeDuplicates, wantedBatch, type DuplicatePolicy } from "../inputs.ts";
import { checkInto } from "../into.ts";
import { splitInputs } from "../split-inputs.ts";
import type { Engine } from "./engine.ts";
import { buildGeometry, type CpuGeometry } from "./geometry.ts";
import { Region } from "./heap.ts";
import { checkBytes, checkCall, placeCoords, placeFeatures, readCheck, type CpuInput, type PlacedInputs, type PlacedCoords } from "./inputs.ts";
import type { PointCells } from "../placed-points.ts";
import { cellsOfPoints } from "./points.ts";
import type { CpuPlan } from "./plan.ts";
import { CpuScene, refuseGpuOutputs } from "./scene.ts";

/** A network on the CPU. */
export class CpuNetwork<Inputs, Outputs> implements Network<Inputs, Outputs> {
  readonly target = "wasm";
  readonly device = undefined;
  readonly plan: CpuPlan;
  readonly engine: Engine;
  /** Addresses of the parameter blocks. */
  readonly params: readonly number[];
  readonly duplicates: DuplicatePolicy;
  readonly adapter: string;
  #arena: { readonly at: number; readonly bytes: number } | undefined;
  #staging: Region;

  constructor(plan: CpuPlan, engine: Engine, params: readonly number[], duplicates: DuplicatePolicy, adapter: string) {
    this.plan = plan;
    this.engine = engine;
    this.params = params;
    this.duplicates = duplicates;
    this.adapter = adapter;
    this.#staging = new Region(engine.heap);
  }

  /** Address of the memory that features lie in during a run, at least `bytes` long. */
  arena(bytes: number): number {
    if (this.#arena === undefined || this.#arena.bytes < bytes) {
      if (this.#arena !== undefined) this.engine.heap.free(this.#arena.at);
      this.#arena = undefined;
      this.#arena = { at: this.engine.heap.alloc(bytes, "features"), bytes };
    }
    return this.#arena.at;
  }

  /** Memory until `freeStaging`. */
  staging(label: string, bytes: number): number {
    return this.#staging.alloc(bytes, label);
  }

  freeStaging(): void {
    this.#staging.free();
  }

  async prepare(coords: InputCoords<Inputs>, options: PrepareOptions = {}): Promise<Scene<Outputs>> {
    return await this.queued(options.signal, (staging) => {
      const batch = wantedBatch(options.batch);
      const placed = placeCoords(this.plan, this.engine.heap, coords as Readonly<Record<string, CoordsInput>>, batch, staging);
      return () => this.#prepare(placed, batch, options, staging);
    });
  }

  async run(inputs: GivenInputs<Inputs>, options: PrepareOptions & RunOptions = {}): Promise<Outputs> {
    refuseGpuOutputs(options);
    checkInto(this.plan.outputs, options);
    const given = splitInputs(this.plan, inputs);
    return await this.queued(options.signal, (staging) => {
      const batch = batchOfTensors(this.plan.inputs, given.features, wantedBatch(options.batch));
      const coords = placeCoords(this.plan, this.engine.heap, given.coords, batch, staging);
      const features = placeFeatures(this.plan, this.engine.heap, given.features, staging);
      return async () => {
        const scene = await this.#prepare(coords, batch, options, staging);
        try {
          return await scene.runNow(features, options);
        } finally {
          scene.disposeNow();
        }
      };
    });
  }

  /** Reads a call's inputs into memory at once, by `begin`, and does its work when all that was asked for earlier has ended. */
  async queued<T>(signal: AbortSignal | undefined, begin: (staging: Region) => () => Promise<T>): Promise<T> {
    this.engine.check();
    throwIfAborted(signal);
    const staging = new Region(this.engine.heap);
    try {
      const work = begin(staging);
      return await this.engine.exclusively(async () => {
        throwIfAborted(signal);
        return await work();
      });
    } finally {
      staging.free();
    }
  }

  dispose(): void {
    this.engine.dispose();
  }

  async #prepare({ placed, points }: PlacedInputs, wanted: number, options: PrepareOptions, staging: Region): Promise<CpuScene<Inputs, Outputs>> {
    const { inputs, batch } = await this.#inputs(placed, wanted, staging);
    const cells = cellsOfPoints(this.plan, points);
    const geometry = await buildGeometry(this.plan, this.engine, inputs, batch, cells);
    const repeated = [...inputs.values()].find(({ input, rows }) => geometry.rows[input.site]! < rows);
    if (repeated === undefined) return this.#kept(geometry, inputs, cells, batch, options);
    geometry.free();
    if (this.duplicates === "error") throw firstDuplicate(repeated.input.name, this.#coords(repeated), repeated.input.axes.length + 1);
    const merged = new Map([...inputs].map(([site, input]) => [site, this.#merge(input, staging)]));
    return this.#kept(await buildGeometry(this.plan, this.engine, merged, batch, cells), merged, cells, batch, options);
  }

  #kept(geometry: CpuGeometry, inputs: ReadonlyMap<number, CpuInput>, cells: ReadonlyMap<number, PointCells>, batch: number, options: PrepareOptions): CpuScene<Inputs, Outputs> {
    if (options.signal?.aborted === true) geometry.free();
    throwIfAborted(options.signal);
    return new CpuScene(this, geometry, inputs, cells, batch);
  }

  /** Checks the caller's coordinates, by site set. SP0817 and those of `readCheck`. */
  async #inputs(placed: readonly PlacedCoords[], batch: number, staging: Region): Promise<{ readonly inputs: ReadonlyMap<number, CpuInput>; readonly batch: number }> {
    const checks = placed.map((coords) => ({ coords, results: staging.alloc(checkBytes(coords.input, coords.rows), "bounds") }));
    await this.engine.run(checks.map(({ coords, results }) => checkCall(this.plan, coords.input, coords.rows, coords.at, results)));
    const inputs = new Map<number, CpuInput>();
    let items = 1;
    for (const { coords, results } of checks) {
      const checked = readCheck(this.plan, this.engine, coords, results, batch);
      items = Math.max(items, checked.batch);
      const { site, name } = coords.input;
      const known = inputs.get(site);
      if (known === undefined) inputs.set(site, { ...coords, bounds: checked.bounds });
      else if (known.rows !== coords.rows || !sameWords(this.#coords(known), this.#coords(coords))) {
        throw new SpnetError("SP0817", `\`${name}\` shares its site set with another input, but their coordinates differ`);
      }
    }
    return { inputs, batch: batch === 0 ? items : batch };
  }

  #coords({ input, rows, at }: PlacedCoords): Int32Array {
    return this.engine.heap.i32(at, rows * (input.axes.length + 1));
  }

  #merge(input: CpuInput, staging: Region): CpuInput {
    // Any number of points may be at one place.
    if (this.plan.geometry.sites[input.input.site]!.points !== undefined) return input;
    const merged = mergeDuplicates(this.#coords(input), input.input.axes.length + 1);
    const at = staging.alloc(merged.coords.byteLength, "coordinates");
    this.engine.heap.i32(at, merged.coords.length).set(merged.coords);
    return { ...input, at, rows: merged.rows, merged };
  }
}

const sameWords = (a: Int32Array, b: Int32Array): boolean => a.every((v, i) => v === b[i]);
