import type { CoordsInput, FeaturesInput, Network, PrepareOptions, RunOptions, Scene } from "../api.ts";
import { SpnetError, throwIfAborted } from "../errors.ts";
import { checkNames, firstDuplicate, mergeDuplicates, type DuplicatePolicy } from "../inputs.ts";
import type { Engine } from "./engine.ts";
import { buildGeometry, type CpuGeometry } from "./geometry.ts";
import { Region } from "./heap.ts";
import { checkBytes, checkCall, hostValues, readCheck, wholeCoords, type CpuInput } from "./inputs.ts";
import type { CpuPlan } from "./plan.ts";
import { CpuScene } from "./scene.ts";

type Given = Readonly<Record<string, CoordsInput>>;

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

  prepare(coords: { readonly [K in keyof Inputs]: CoordsInput }, options: PrepareOptions = {}): Promise<Scene<Outputs>> {
    return this.engine.exclusively(() => this.#prepare(coords as Given, options));
  }

  run(
    inputs: { readonly [K in keyof Inputs]: { readonly coords: CoordsInput; readonly features: FeaturesInput } },
    options: PrepareOptions & RunOptions = {},
  ): Promise<Outputs> {
    const all = Object.entries(inputs as Readonly<Record<string, { readonly coords: CoordsInput; readonly features: FeaturesInput }>>);
    return this.engine.exclusively(async () => {
      const scene = await this.#prepare(Object.fromEntries(all.map(([name, v]) => [name, v.coords])), options);
      try {
        return await scene.runNow(Object.fromEntries(all.map(([name, v]) => [name, v.features])), options);
      } finally {
        scene.disposeNow();
      }
    });
  }

  dispose(): void {
    this.engine.dispose();
  }

  async #prepare(coords: Given, options: PrepareOptions): Promise<CpuScene<Inputs, Outputs>> {
    throwIfAborted(options.signal);
    const staging = new Region(this.engine.heap);
    try {
      const { inputs, batch } = await this.#inputs(coords, options.batch ?? 0, staging);
      const geometry = await buildGeometry(this.plan, this.engine, inputs, batch);
      const repeated = [...inputs.values()].find(({ input, rows }) => geometry.rows[input.site]! < rows);
      if (repeated === undefined) return this.#kept(geometry, inputs, batch, options);
      geometry.free();
      if (this.duplicates === "error") throw firstDuplicate(repeated.input.name, repeated.coords, repeated.input.axes.length + 1);
      const merged = new Map([...inputs].map(([site, input]) => [site, this.#merge(input, staging)]));
      return this.#kept(await buildGeometry(this.plan, this.engine, merged, batch), merged, batch, options);
    } finally {
      staging.free();
    }
  }

  #kept(geometry: CpuGeometry, inputs: ReadonlyMap<number, CpuInput>, batch: number, options: PrepareOptions): CpuScene<Inputs, Outputs> {
    if (options.signal?.aborted === true) geometry.free();
    throwIfAborted(options.signal);
    return new CpuScene(this, geometry, inputs, batch);
  }

  /** Checks the caller's coordinates and puts them into memory, by site set. SP0816, SP0817 and those of `readCheck`. */
  async #inputs(given: Given, batch: number, staging: Region): Promise<{ readonly inputs: ReadonlyMap<number, CpuInput>; readonly batch: number }> {
    checkNames(this.plan, Object.keys(given));
    const { heap } = this.engine;
    const placed = this.plan.inputs.map((input) => {
      const coords = wholeCoords(this.plan, input, hostValues(input.name, "coordinates", given[input.name]!), batch);
      const rows = coords.length / (input.axes.length + 1);
      const at = staging.alloc(coords.byteLength, "coordinates");
      heap.i32(at, coords.length).set(coords);
      return { input, coords, rows, at, results: staging.alloc(checkBytes(input, rows), "bounds") };
    });
    await this.engine.run(placed.map((p) => checkCall(this.plan, p.input, p.rows, p.at, p.results)));
    const inputs = new Map<number, CpuInput>();
    let items = 1;
    for (const { input, coords, rows, at, results } of placed) {
      const checked = readCheck(this.plan, this.engine, input, coords, results, batch);
      items = Math.max(items, checked.batch);
      const known = inputs.get(input.site);
      if (known === undefined) inputs.set(input.site, { input, rows, at, coords, bounds: checked.bounds });
      else if (known.rows !== rows || known.coords.some((v, i) => v !== coords[i])) {
        throw new SpnetError("SP0817", `\`${input.name}\` shares its site set with another input, but their coordinates differ`);
      }
    }
    return { inputs, batch: batch === 0 ? items : batch };
  }

  #merge(input: CpuInput, staging: Region): CpuInput {
    const merged = mergeDuplicates(input.coords, input.input.axes.length + 1);
    const at = staging.alloc(merged.coords.byteLength, "coordinates");
    this.engine.heap.i32(at, merged.coords.length).set(merged.coords);
    return { ...input, at, rows: merged.rows, coords: merged.coords, merged };
  }
}
