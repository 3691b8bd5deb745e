import { describe, expect, it } from "vitest";
import { ACTIVATIONS, isActivation } from "../../src/ir/activations.ts";
import { packBlock, runLoadPhase, type LoadOp } from "../../src/runtime/load.ts";

const conv = (layout: string, shape: readonly number[]): LoadOp => ({ op: "param", name: "w", role: "conv", layout, shape });

/** Element [k…][ci][co] of a canonical weight gets a value that names it. */
const named = (tap: number, ci: number, co: number): number => tap * 10_000 + ci * 100 + co;

describe("stored weight layouts", () => {
  const kernel = [2, 3];
  const [cin, cout] = [4, 5];
  const shape = [...kernel, cin, cout];
  const check = (layout: string, stored: readonly number[], at: (r: readonly number[], ci: number, co: number) => number): void => {
    const data = new Array<number>(2 * 3 * cin * cout).fill(Number.NaN);
    for (let r0 = 0; r0 < 2; r0++) for (let r1 = 0; r1 < 3; r1++) for (let i = 0; i < cin; i++) for (let o = 0; o < cout; o++) data[at([r0, r1], i, o)] = named(r0 * 3 + r1, i, o);
    const [value] = runLoadPhase([conv(layout, shape)], () => ({ shape: stored, data }));
    for (let t = 0; t < 6; t++) for (let i = 0; i < cin; i++) for (let o = 0; o < cout; o++) expect(value!.data[(t * cin + i) * cout + o]).toBe(named(t, i, o));
  };

  it("spconv 2 stores [Cout, k…, Cin], last kernel axis fastest", () => {
    check("spconv2", [cout, 2, 3, cin], ([r0, r1], i, o) => ((o * 2 + r0!) * 3 + r1!) * cin + i);
  });

  it("spconv 1 stores the canonical [k…, Cin, Cout]", () => {
    check("spconv1", shape, ([r0, r1], i, o) => ((r0! * 3 + r1!) * cin + i) * cout + o);
  });

  it("Minkowski stores [K, Cin, Cout] with the first kernel axis fastest", () => {
    check("minkowski", [6, cin, cout], ([r0, r1], i, o) => ((r0! + 2 * r1!) * cin + i) * cout + o);
  });

  it("SparseConvNet stores [K, groups, Cin / groups, Cout / groups]", () => {
    const [groups, width, n] = [3, 2, 4];
    const data = new Array<number>(6 * n * groups * width);
    for (let t = 0; t < 6; t++) for (let i = 0; i < n; i++) for (let o = 0; o < groups * width; o++) data[((t * groups + Math.floor(o / width)) * n + i) * width + (o % width)] = named(t, i, o);
    const [value] = runLoadPhase([conv("spconv1", [...kernel, n, groups * width])], () => ({ shape: [6, groups, n, width], data }));
    for (let t = 0; t < 6; t++) for (let i = 0; i < n; i++) for (let o = 0; o < groups * width; o++) expect(value!.data[(t * n + i) * groups * width + o]).toBe(named(t, i, o));
  });

  it("Minkowski stores a depthwise kernel as [K, C]", () => {
    const data = Array.from({ length: 6 * 5 }, (_, i) => i);
    const [value] = runLoadPhase([conv("minkowski", [2, 3, 1, 5])], () => ({ shape: [6, 5], data }));
    for (let r0 = 0; r0 < 2; r0++) for (let r1 = 0; r1 < 3; r1++) for (let c = 0; c < 5; c++) expect(value!.data[(r0 * 3 + r1) * 5 + c]).toBe((r0 + 2 * r1) * 5 + c);
  });

  it("spconv 2 reads a 1×1 weight by memory as (Cin, Cout), whatever its shape says", () => {
    const data = Array.from({ length: 20 }, (_, i) => i);
    const [value] = runLoadPhase([conv("spconv2", [1, 1, cin, cout])], () => ({ shape: [cout, 1, 1, cin], data }));
    expect([...value!.data]).toEqual(data);
  });

  it("linear weights are [Cout, Cin] in torch and [Cin, Cout] in Minkowski", () => {
    const op: LoadOp = { op: "param", name: "w", role: "linear", layout: "spconv2", shape: [2, 3] };
    expect([...runLoadPhase([op], () => ({ shape: [3, 2], data: [0, 10, 1, 11, 2, 12] }))[0]!.data]).toEqual([0, 1, 2, 10, 11, 12]);
    const me: LoadOp = { ...op, layout: "minkowski" };
    expect([...runLoadPhase([me], () => ({ shape: [2, 3], data: [0, 1, 2, 10, 11, 12] }))[0]!.data]).toEqual([0, 1, 2, 10, 11, 12]);
  });

  it("ESDA's accelerator stores [K, Cin, Cout], last kernel axis fastest, and of one tap [Cout, Cin]", () => {
    check("esda", [6, cin, cout], ([r0, r1], i, o) => ((r0! * 3 + r1!) * cin + i) * cout + o);
    const load = (shape: readonly number[], stored: readonly number[]): readonly number[] => [...runLoadPhase([conv("esda", shape)], () => ({ shape: stored, data: [1, 2, 3, 4, 5, 6] }))[0]!.data];
    expect(load([1, 1, 2, 3], [3, 2])).toEqual([1, 3, 5, 2, 4, 6]);
    expect(load([2, 3, 1, 1], [6, 1])).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("one number counts for every channel", () => {
    const scalar: LoadOp = { op: "param", name: "w", role: "scalar", shape: [3] };
    expect([...runLoadPhase([scalar], () => ({ shape: [1], data: [0.5] }))[0]!.data]).toEqual([0.5, 0.5, 0.5]);
    expect([...runLoadPhase([scalar], () => ({ shape: [], data: [2] }))[0]!.data]).toEqual([2, 2, 2]);
    expect(() => runLoadPhase([scalar], () => ({ shape: [3], data: [1, 2, 3] }))).toThrow(/SP0502.*\[3\].*\[1\]/);
  });

  it("refuses numbers that a quantised layer does not take, and weights whose sums would not be exact", () => {
    const load = (op: Partial<LoadOp>, shape: readonly number[], data: readonly number[]): unknown => runLoadPhase([{ op: "param", name: "w", shape, ...op } as LoadOp], () => ({ shape, data }));
    const bytes = { dtype: "i8", role: "linear", layout: "minkowski" } as const;
    expect(() => load(bytes, [1, 3], [1, -128, 127])).not.toThrow();
    expect(() => load(bytes, [1, 3], [1, 0.25, 0])).toThrow(/SP0506.*0\.25 at element 1.*-128 to 127.*before quantisation/);
    expect(() => load(bytes, [1, 3], [1, 2, 128])).toThrow(/SP0506.*128 at element 2/);
    expect(() => load({ dtype: "i32", limit: 10 }, [2], [-10, 11])).toThrow(/SP0506.*11 at element 1.*-10 to 10/);
    const most = (2 ** 24 - 2 ** 20) / 128;
    const rows = Math.ceil(most / 100);
    const column = (total: number): number[] => Array.from({ length: rows }, (_, i) => (i % 2 === 0 ? 1 : -1) * (i < rows - 1 ? 100 : total - 100 * (rows - 1)));
    expect(() => load(bytes, [rows, 1], column(most))).not.toThrow();
    expect(() => load(bytes, [rows, 1], column(most + 1))).toThrow(/SP0507.*column 0/);
  });

  it("refuses missing, misshapen and non-finite tensors by code", () => {
    const ops = [conv("spconv2", shape)];
    expect(() => runLoadPhase(ops, () => undefined)).toThrow(/SP0501.*"w"/);
    expect(() => runLoadPhase(ops, () => ({ shape: [cout, 3, 2, cin], data: new Float32Array(120) }))).toThrow(/SP0502.*\[5, 3, 2, 4\].*\[5, 2, 3, 4\]/);
    const data = new Float32Array(120);
    data[7] = Number.NaN;
    expect(() => runLoadPhase(ops, () => ({ shape: [cout, 2, 3, cin], data }))).toThrow(/SP0503.*element 7/);
  });
});

describe("folding", () => {
  const vector = (name: string, n: number): LoadOp => ({ op: "param", name, role: "channel", layout: "spconv2", shape: [n] });
  it("scale and shift are batch norm in evaluation mode", () => {
    const tensors: Record<string, number[]> = { g: [2, 3], b: [1, -1], m: [0.5, 4], v: [4, 9], bias: [10, 20] };
    const values = runLoadPhase(
      [vector("g", 2), vector("b", 2), vector("m", 2), vector("v", 2), vector("bias", 2), { op: "bn_scale", args: [0, 3], eps: 0 }, { op: "bn_shift", args: [1, 2, 5, 4] }],
      (name) => ({ shape: [2], data: tensors[name]! }),
    );
    expect([...values[5]!.data]).toEqual([1, 1]);
    expect([...values[6]!.data]).toEqual([1 + (10 - 0.5), -1 + (20 - 4)]);
  });

  it("input channels are scaled, row by row under every tap", () => {
    const w: LoadOp = { op: "param", name: "w", role: "conv", layout: "spconv1", shape: [2, 2, 3] };
    const values = runLoadPhase([w, vector("s", 2), { op: "scale_in", args: [0, 1] }], (name) => (name === "s" ? { shape: [2], data: [10, 100] } : { shape: [2, 2, 3], data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0, 2] }));
    expect([...values[2]!.data]).toEqual([10, 20, 30, 400, 500, 600, 70, 80, 90, 100, 0, 200]);
  });

  it("products of weights: a matrix meets every tap, from either side; a vector is a row", () => {
    const param = (name: string, shape: readonly number[]): LoadOp => ({ op: "param", name, role: shape.length === 1 ? "channel" : shape.length > 2 ? "conv" : "linear", layout: shape.length > 2 ? "spconv1" : "minkowski", shape });
    const tensors: Record<string, readonly [readonly number[], readonly number[]]> = {
      m: [[2, 2], [1, 2, 3, 4]],
      k: [[2, 2, 2], [1, 0, 0, 1, 0, 1, 1, 1]],
      v: [[2], [5, 7]],
    };
    const load = [param("m", [2, 2]), param("k", [2, 2, 2]), param("v", [2]), ...[[0, 1], [1, 0], [2, 0]].map((args): LoadOp => ({ op: "matmul", args }))];
    const [before, after, row] = runLoadPhase(load, (name) => ({ shape: tensors[name]![0], data: tensors[name]![1] })).slice(3);
    expect(before).toEqual({ shape: [2, 2, 2], data: Float64Array.of(1, 2, 3, 4, 2, 3, 4, 7) });
    expect(after).toEqual({ shape: [2, 2, 2], data: Float64Array.of(1, 2, 3, 4, 3, 4, 4, 6) });
    expect(row).toEqual({ shape: [2], data: Float64Array.of(26, 38) });
  });

  it("what a convolution makes of one vector everywhere: group by group, summed over the taps", () => {
    const w: LoadOp = { op: "param", name: "w", role: "conv", layout: "spconv1", shape: [2, 2, 4] };
    const run = (v: readonly number[], groups: number): Float64Array =>
      runLoadPhase([w, { op: "constant", value: v }, { op: "uniform", args: [0, 1], groups }], () => ({ shape: [2, 2, 4], data: [1, 2, 3, 4, 10, 20, 30, 40, 5, 6, 7, 8, 50, 60, 70, 80] }))[2]!.data;
    expect([...run([1, 100], 1)]).toEqual([6006, 8008, 10010, 12012]);
    expect([...run([1, 100, 2, 0.5], 2)]).toEqual([6006, 8008, 20 + 50, 24 + 60]);
  });

  it.each([...Object.keys(ACTIVATIONS), "leaky_relu", "elu"])("%s of a vector is the activation of rows", (name) => {
    const value = [-1e3, -40, -3.2, -1, -0.3, -1e-9, 0, 1e-9, 0.7, 2.4, 5.9, 6.1, 40, 1e3];
    const [, made] = runLoadPhase([{ op: "constant", value }, { op: "activate", args: [0], do: name, by: 0.3, threshold: 20 }], () => undefined);
    const of = isActivation(name) ? ACTIVATIONS[name].of : (x: number): number => (x > 0 ? x : 0.3 * (name === "elu" ? Math.exp(x) - 1 : x));
    value.forEach((x, i) => expect(Math.abs(made!.data[i]! - of(x)), `${name}(${x})`).toBeLessThanOrEqual(1e-10 * Math.max(1, Math.abs(x))));
  });

  it("a vector times a number", () => {
    expect([...runLoadPhase([{ op: "constant", value: [2, -0.5] }, { op: "multiply", args: [0], by: -4 }], () => undefined)[1]!.data]).toEqual([-8, 2]);
  });

  it.each([
    ["a variance that is negative", [1, 1], [1, -1], "1", "NaN"],
    ["a scale beyond float32", [3e38, 1], [0, 1], "0", "9.48"],
  ])("SP0508: %s, with the names of the tensors and the element", (_, gamma, variance, element, value) => {
    const channel = (name: string): LoadOp => ({ op: "param", name, shape: [2] });
    const ops: LoadOp[] = [channel("bn.gamma"), channel("bn.var"), { op: "bn_scale", args: [0, 1], eps: 1e-3 }, { op: "multiply", args: [2], by: 1 }];
    const load = (): unknown => runLoadPhase(ops, (name) => ({ shape: [2], data: name === "bn.gamma" ? gamma : variance }));
    expect(load).toThrow(new RegExp(`"bn\\.gamma", "bn\\.var" have ${value}.* at element ${element}`));
    expect(load).toThrow(expect.objectContaining({ code: "SP0508" }));
  });

  it("the largest float32 is no error", () => {
    const most = Math.fround(3.4028234663852886e38);
    expect(runLoadPhase([{ op: "constant", value: [most] }, { op: "multiply", args: [0], by: -1 }], () => undefined)[1]!.data[0]).toBe(-most);
  });

  it("packs columns padded to four", () => {
    const value = { shape: [2, 6], data: Float64Array.from({ length: 12 }, (_, i) => i) };
    const block = packBlock({ floats: 10, items: [{ value: 0, at: 2, columns: [1, 4] }] }, [value]);
    expect([...block]).toEqual([0, 0, 1, 2, 3, 0, 7, 8, 9, 0]);
  });
});
