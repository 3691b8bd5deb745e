import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CoordsInput, CreateOptions, DenseOutput, FeatOutput, FeaturesInput } from "../../src/runtime/index.ts";
import { relativeError } from "../support/compare.ts";
import { STANDARD } from "../support/differential.ts";
import { dataOf, type AnyNetwork } from "../support/network-runs.ts";
import { fuse } from "../support/plan-runs.ts";
import { cloud, netFromText, reference, type SourceNet } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";

const EXTENTS = [9, 17, 21];

const BOUNDED = `spnet 1
export net Bounded {
  dialect spconv
  sites S : (z: 9, y: 17, x: 21)
  input a : feat[S, 3]
  let f = a |> subm(8, k=3, w="c0") |> relu
  let c = f |> conv(12, k=3, s=2, p=1, w="c1")
  output fine = f
  output coarse = c
  output score = c |> global_avg_pool |> linear(5, bias=true, w="fc")
}
`;

const TWO = `spnet 1
export net Two {
  dialect spconv
  sites S : (y, x)
  input a : feat[S, 2]
  input b : feat[S, 1]
  output y = cat(a, b) |> subm(3, k=3, w="c")
}
`;

type Call = { readonly coords: CoordsInput; readonly features: FeaturesInput };

interface Refusal {
  readonly what: string;
  readonly code: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly message?: RegExp;
  readonly inputs: Readonly<Record<string, Call>>;
  readonly batch?: number;
}

const ROW = [0, 1, 2, 3];
const GOOD = { coords: [...ROW, 1, 8, 16, 20], features: [1, 2, 3, 4, 5, 6] };
const coords = (what: string, code: string, list: ArrayLike<number>, more: Partial<Refusal> = {}): Refusal => ({ what, code, inputs: { a: { coords: list, features: new Float32Array((list.length / 4) * 3) } }, ...more });
const features = (what: string, code: string, list: ArrayLike<number>, more: Partial<Refusal> = {}): Refusal => ({ what, code, inputs: { a: { coords: GOOD.coords, features: list } }, ...more });

/** What is refused with which code, and where the message points. */
const REFUSED: readonly Refusal[] = [
  coords("coordinates that end within a row", "SP0810", new Int32Array(7), { message: /batch, z, y, x/ }),
  coords("coordinates that end within a row, not as Int32Array", "SP0810", [0, 1, 2, 3, 0]),
  coords("a coordinate with a fraction", "SP0811", [...ROW, 0, 1, 2.5, 3], { details: { row: 1 } }),
  coords("a coordinate with a fraction, as floats", "SP0811", Float32Array.of(...ROW, 0, 1, 2.5, 3), { details: { row: 1 } }),
  coords("a coordinate beyond 32 bits", "SP0811", [...ROW, 0, 2 ** 31, 2, 3], { details: { row: 1 } }),
  coords("a coordinate that is no number", "SP0811", [0, Number.NaN, 2, 3], { details: { row: 0 } }),
  coords("an infinite coordinate", "SP0811", [0, 1, 2, Number.POSITIVE_INFINITY], { details: { row: 0 } }),
  coords("a negative batch item", "SP0812", Int32Array.of(...ROW, -1, 1, 2, 3), { details: { row: 1 }, message: /row 1 \(-1, 1, 2, 3\)/ }),
  coords("a batch item too many", "SP0812", Int32Array.of(...ROW, 2, 1, 2, 3), { batch: 2, details: { row: 1 } }),
  coords("a batch item too many, not as Int32Array", "SP0812", [...ROW, 2, 1, 2, 3], { batch: 2, details: { row: 1 } }),
  ...[-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((batch) => coords(`a batch of ${batch}`, "SP0812", Int32Array.of(...ROW), { batch, message: /whole number of batch items/ })),
  coords("a site behind the last of its axis", "SP0813", Int32Array.of(...ROW, 0, 9, 0, 0, 0, 9, 1, 0), { details: { row: 1, outside: 2 }, message: /2 of 3 rows.*row 1 \(0, 9, 0, 0\)/ }),
  coords("a site before the first of its axis", "SP0813", Int32Array.of(...ROW, 0, 1, -1, 0), { details: { row: 1, outside: 1 } }),
  coords("axes in another order", "SP0813", Int32Array.of(0, 20, 16, 8, 0, 2, 1, 0), { details: { row: 0 }, message: /columns ordered as \(batch, x, y, z\).*are the axes swapped/ }),
  coords("a site at the ends of 32 bits", "SP0813", Int32Array.of(0, -(2 ** 31), 2 ** 31 - 1, 0), { details: { row: 0 } }),
  features("too few features", "SP0814", Float32Array.of(1, 2, 3)),
  features("too many features", "SP0814", [1, 2, 3, 4, 5, 6, 7]),
  features("a feature that is no number", "SP0815", Float32Array.of(1, 2, 3, 4, Number.NaN, 6), { details: { row: 1, channel: 1 } }),
  features("an infinite feature", "SP0815", Float32Array.of(1, 2, 3, 4, 5, Number.POSITIVE_INFINITY), { details: { row: 1, channel: 2 } }),
  features("an infinite feature, not as Float32Array", "SP0815", [Number.NEGATIVE_INFINITY, 2, 3, 4, 5, 6], { details: { row: 0, channel: 0 } }),
  features("a feature that float32 does not hold", "SP0815", [1, 2, 3, 4e38, 5, 6], { details: { row: 1, channel: 0 } }),
  { what: "an input by another name", code: "SP0816", inputs: { b: GOOD }, details: { missing: ["a"], unknown: ["b"] } },
  { what: "an input too many", code: "SP0816", inputs: { a: GOOD, b: GOOD }, details: { missing: [], unknown: ["b"] } },
  { what: "no input", code: "SP0816", inputs: {}, details: { missing: ["a"], unknown: [] } },
  coords("a site that two rows name", "SP0818", Int32Array.of(...ROW, 0, 1, 2, 4, ...ROW), { details: { input: "a", row: 2 } }),
];

type Outputs = Readonly<Record<string, FeatOutput | DenseOutput>>;

/** What is refused: the same codes at the same places on every target, and nothing breaks by it. */
export function troubleSuite(open: OpenTarget): void {
  const target = useTarget(open);
  const net = netFromText(BOUNDED);
  const scene = cloud(3, 300, 2, EXTENTS, 3);
  const opened: AnyNetwork[] = [];
  const make = async (options: Partial<CreateOptions> = {}, of: SourceNet = net): Promise<AnyNetwork> => {
    const network = await target().open(fuse(of.module, STANDARD), { weights: of.weights, ...options });
    opened.push(network);
    return network;
  };
  afterAll(() => opened.forEach((n) => n.dispose()));

  const expectRight = (outputs: Outputs, given = scene, batch = 2): void => {
    for (const [name, wanted] of reference(net, { a: given }, batch)) expect(relativeError(dataOf(outputs[name]!), wanted), name).toBeLessThanOrEqual(1e-5);
  };

  describe("what is refused", () => {
    let network: AnyNetwork;
    beforeAll(async () => {
      network = await make();
    });

    it.each(REFUSED.map((r) => [`${r.code}: ${r.what}`, r] as const))("%s", async (_, { code, inputs, batch, details = {}, message = /./ }) => {
      const options = batch === undefined ? {} : { batch };
      const refusal = { code, details: expect.objectContaining(details), message: expect.stringMatching(message) };
      await expect(network.run(inputs, options)).rejects.toMatchObject(refusal);
      const ofCoords = code !== "SP0814" && code !== "SP0815";
      const pick = <K extends keyof Call>(key: K): Record<string, Call[K]> => Object.fromEntries(Object.entries(inputs).map(([name, v]) => [name, v[key]]));
      if (ofCoords) {
        await expect(network.prepare(pick("coords"), options)).rejects.toMatchObject(refusal);
      }
      if (!ofCoords || code === "SP0816") {
        const kept = await network.prepare({ a: GOOD.coords });
        await expect(kept.run(pick("features"))).rejects.toMatchObject(refusal);
        await expect(kept.profile(pick("features"))).rejects.toMatchObject(refusal);
        kept.dispose();
      }
      expectRight(await network.run({ a: scene }));
    });

    it("SP0813: a site beyond ±2^30 where the grid has no extents, SP0817: two inputs of one set that differ", async () => {
      const two = await make({}, netFromText(TWO));
      const run = (a: readonly number[], b: readonly number[]): Promise<unknown> => two.run({ a: { coords: a, features: new Float32Array((a.length / 3) * 2) }, b: { coords: b, features: new Float32Array(b.length / 3) } });
      for (const far of [[0, 2 ** 30, 0], [0, 0, -(2 ** 30) - 1], [0, 2 ** 31 - 1, -(2 ** 31)]]) await expect(run(far, far), far.join()).rejects.toMatchObject({ code: "SP0813", details: { row: 0 } });
      await run([0, 2 ** 30 - 3, -(2 ** 30) + 3], [0, 2 ** 30 - 3, -(2 ** 30) + 3]);
      await expect(run([0, 1, 2], [0, 1, 3])).rejects.toMatchObject({ code: "SP0817" });
      await expect(run([0, 1, 2], [0, 1, 2, 0, 1, 3])).rejects.toMatchObject({ code: "SP0817" });
      await expect(run([0, 1, 2, 0, 1, 3], [0, 1, 3, 0, 1, 2])).rejects.toMatchObject({ code: "SP0817" });
      await run([0, 1, 2, 0, 1, 3], [0, 1, 2, 0, 1, 3]);
    });

    it("weights: SP0501 missing, SP0502 of another shape, SP0503 not finite, SP0505 a broken file", async () => {
      const change = (change: (data: number[], shape: number[]) => void) => (name: string) => {
        const tensor = net.weights(name);
        if (name !== "c1.weight" || tensor === undefined) return tensor;
        const [data, shape] = [[...Array.from(tensor.data)], [...tensor.shape]];
        change(data, shape);
        return { data, shape };
      };
      await expect(make({ weights: {} })).rejects.toMatchObject({ code: "SP0501" });
      await expect(make({ weights: (name) => (name === "fc.bias" ? undefined : net.weights(name)) })).rejects.toMatchObject({ code: "SP0501", details: { name: "fc.bias" } });
      await expect(make({ weights: change((_, shape) => shape.reverse()) })).rejects.toMatchObject({ code: "SP0502" });
      await expect(make({ weights: change((data) => (data[17] = Number.NaN)) })).rejects.toMatchObject({ code: "SP0503", details: { name: "c1.weight", element: 17 } });
      await expect(make({ weights: new Uint8Array(5) })).rejects.toMatchObject({ code: "SP0505" });
    });
  });

  describe("rows that name one site", () => {
    const twice = { coords: Int32Array.from([...scene.coords, ...scene.coords.subarray(0, 4), ...scene.coords.subarray(0, 4)]), features: Float32Array.from([...scene.features, 5, 6, 7, -1, 0.5, 2]) };
    const first = scene.features.subarray(0, 3);
    it.each([
      ["first", [...first]],
      ["last", [-1, 0.5, 2]],
      ["sum", [...first].map((v, c) => v + [5, 6, 7][c]! + [-1, 0.5, 2][c]!)],
      ["mean", [...first].map((v, c) => (v + [5, 6, 7][c]! + [-1, 0.5, 2][c]!) / 3)],
    ] as const)("are merged: %s", async (duplicates, row) => {
      const network = await make({ duplicates });
      const merged = { coords: scene.coords, features: Float32Array.from([...row, ...scene.features.subarray(3)]) };
      const outputs = await network.run({ a: twice });
      expectRight(outputs, merged);
      expect((outputs["fine"] as FeatOutput).coords).toEqual(scene.coords);
      // A kept scene takes features of all given rows.
      const kept = await network.prepare({ a: twice.coords });
      expectRight(await kept.run({ a: twice.features }), merged);
      await expect(kept.run({ a: scene.features })).rejects.toMatchObject({ code: "SP0814" });
      kept.dispose();
      // Where nothing is to be merged, nothing changes.
      expectRight(await network.run({ a: scene }));
    });
  });

  it("rows that name one site and whose sum is beyond float32 are SP0815", async () => {
    const network = await make({ duplicates: "sum" });
    const given = { coords: [...ROW, 0, 2, 2, 2, ...ROW], features: [1, 2, 3, 4, 5, 6, 1, 2, 3] };
    await network.run({ a: given });
    given.features.splice(2, 1, 3e38);
    given.features.splice(8, 1, 3e38);
    await expect(network.run({ a: given })).rejects.toMatchObject({ code: "SP0815", details: { row: 0, channel: 2 } });
  });

  describe("the caller's signal", () => {
    it("stops what has not begun, by SP0620 with its reason", async () => {
      const signal = AbortSignal.abort("changed my mind");
      const stopped = { code: "SP0620", details: { reason: "changed my mind" } };
      await expect(make({ signal })).rejects.toMatchObject(stopped);
      const network = await make();
      await expect(network.prepare({ a: scene.coords }, { signal })).rejects.toMatchObject(stopped);
      await expect(network.run({ a: scene }, { signal })).rejects.toMatchObject(stopped);
      const kept = await network.prepare({ a: scene.coords }, { signal: new AbortController().signal });
      await expect(kept.run({ a: scene.features }, { signal })).rejects.toMatchObject(stopped);
      expectRight(await kept.run({ a: scene.features }));
      kept.dispose();
    });

    it("stops `create` between its phases", async () => {
      for (const phase of ["weights", "compile"]) {
        const controller = new AbortController();
        const late = make({ signal: controller.signal, onProgress: (p) => p.phase === phase && controller.abort() });
        // The last phase may have nothing left to stop.
        await late.then((network) => network.run({ a: scene }).then(expectRight), (e: unknown) => expect(e).toMatchObject({ code: "SP0620" }));
      }
    });
  });

  it("inputs are read when a call is made: what the caller does to them afterwards changes nothing", async () => {
    const network = await make();
    const own = (): typeof scene => ({ coords: scene.coords.slice(), features: scene.features.slice() });
    const spoil = (given: typeof scene): void => {
      given.coords.fill(1);
      given.features.fill(Number.NaN);
    };
    const kept = [own(), own(), own()];
    const scenes = await Promise.all(kept.map((given) => {
      const prepared = network.prepare({ a: given.coords });
      given.coords.fill(1);
      return prepared;
    }));
    const runs = scenes.map((s, i) => {
      const run = s.run({ a: kept[i]!.features });
      kept[i]!.features.fill(Number.NaN);
      return run;
    });
    for (const run of runs) {
      const outputs = await run;
      expectRight(outputs);
      expect((outputs["fine"] as FeatOutput).coords).toEqual(scene.coords);
    }
    const both = [own(), own()];
    const whole = both.map((given) => {
      const run = network.run({ a: given });
      spoil(given);
      return run;
    });
    for (const run of whole) expectRight(await run);
    for (const s of scenes) s.dispose();
  });

  describe("arrays for outputs", () => {
    const arrays = (outputs: Outputs, more: number): Record<string, Float32Array> => Object.fromEntries(Object.entries(outputs).map(([name, o]) => [name, new Float32Array(dataOf(o).length + more).fill(-7)]));

    it("take what a run gives, and nothing behind it; what has none comes in a new one", async () => {
      const network = await make();
      const kept = await network.prepare({ a: scene.coords });
      const fresh = await kept.run({ a: scene.features });
      const into = arrays(fresh, 3);
      delete into["score"];
      for (const outputs of [await kept.run({ a: scene.features }, { into }), await network.run({ a: scene }, { into })]) {
        expectRight(outputs);
        expect(outputs["fine"]).toEqual(fresh["fine"]);
        for (const name of ["fine", "coarse"]) {
          const data = dataOf(outputs[name]!);
          expect([data.buffer, data.byteOffset], name).toEqual([into[name]!.buffer, 0]);
          expect([...into[name]!.subarray(data.length)], name).toEqual([-7, -7, -7]);
        }
        expect(Object.values(into).map((a) => a.buffer)).not.toContain(dataOf(outputs["score"]!).buffer);
      }
      kept.dispose();
    });

    it("are refused by SP0625 where an output does not fit, is not the network's, or is to stay on a GPU", async () => {
      const network = await make();
      const kept = await network.prepare({ a: scene.coords });
      const into = arrays(await kept.run({ a: scene.features }), 0);
      const refused = async (given: Record<string, unknown>, details: Readonly<Record<string, unknown>>): Promise<void> => {
        const options = { into: given as Record<string, Float32Array> };
        for (const call of [kept.run({ a: scene.features }, options), network.run({ a: scene }, options)]) await expect(call).rejects.toMatchObject({ code: "SP0625", details });
      };
      await refused({ ...into, coarse: into["coarse"]!.subarray(1) }, { output: "coarse", wanted: into["coarse"]!.length });
      await refused({ ...into, other: new Float32Array(9) }, { output: "other" });
      await refused({ ...into, fine: new Float64Array(into["fine"]!.length) }, { output: "fine" });
      await expect(kept.run({ a: scene.features }, { into, output: "gpu" })).rejects.toMatchObject({ code: target().name === "wasm" ? "SP0622" : "SP0625" });
      expectRight(await kept.run({ a: scene.features }, { into }));
      kept.dispose();
    });
  });

  it("a scene that is disposed during its runs ends them first; later ones are SP0621", async () => {
    const network = await make();
    const kept = await network.prepare({ a: scene.coords });
    const runs = [kept.run({ a: scene.features }), kept.run({ a: scene.features })];
    kept.dispose();
    kept.dispose();
    for (const run of runs) expectRight(await run);
    await expect(kept.run({ a: scene.features })).rejects.toMatchObject({ code: "SP0621" });
    await expect(kept.profile({ a: scene.features })).rejects.toMatchObject({ code: "SP0621" });
    expectRight(await network.run({ a: scene }));
  });

  it("after dispose() everything is SP0621", async () => {
    const network = await make();
    const kept = await network.prepare({ a: scene.coords });
    network.dispose();
    network.dispose();
    for (const call of [network.run({ a: scene }), network.prepare({ a: scene.coords }), kept.run({ a: scene.features }), kept.profile({ a: scene.features })]) {
      await expect(call).rejects.toMatchObject({ code: "SP0621" });
    }
    kept.dispose();
  });

  it("names that every object has already are names like others", async () => {
    const odd = netFromText(`spnet 1
net Odd {
  sites S : (x)
  input __proto__ : feat[S, 1]
  let constructor = __proto__ |> subm(2, k=3, w="__proto__")
  output toString = constructor
  output __proto__ = constructor |> global_sum_pool
}
`);
    const network = await make({}, odd);
    const inputs = Object.fromEntries([["__proto__", cloud(8, 20, 2, [40], 1)]]);
    const outputs = await network.run(inputs);
    expect(Object.keys(outputs).sort()).toEqual(["__proto__", "toString"]);
    const byName = new Map(Object.entries(outputs));
    for (const [name, wanted] of reference(odd, inputs, 2)) expect(relativeError(dataOf(byName.get(name)!), wanted), name).toBeLessThanOrEqual(1e-5);
  });
}
