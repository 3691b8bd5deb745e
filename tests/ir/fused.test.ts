import { describe, expect, it } from "vitest";
import { ModuleBuilder } from "../../src/ir/builder.ts";
import { interpret } from "../../src/ir/interp/reference.ts";
import type { Value } from "../../src/ir/interp/value.ts";
import type { Attrs, Level, Module, ValueId } from "../../src/ir/module.ts";
import { SiteTable, type Geometry, type SiteId } from "../../src/ir/sites.ts";
import { verify } from "../../src/ir/verify.ts";
import { relativeError } from "../support/compare.ts";

/** Both levels of one computation, written by hand side by side. */
class Draft {
  readonly b: ModuleBuilder;
  readonly sites: SiteId;
  readonly x: ValueId;

  constructor(level: Level) {
    const table = new SiteTable();
    this.sites = table.addInput({ kind: "input", name: "S", axes: ["y", "x"], extents: [12, 10] });
    this.b = new ModuleBuilder(level, "t", table);
    this.x = this.op("input", [], { name: "x", sites: this.sites, channels: 4 });
  }

  op(name: string, operands: readonly ValueId[], attrs: Attrs = {}): ValueId {
    return this.ops(name, operands, attrs).at(-1)!;
  }

  ops(name: string, operands: readonly ValueId[], attrs: Attrs = {}): readonly ValueId[] {
    return this.b.add(name, operands, attrs, [{ file: "t.spnet", line: 1, column: 1 }]);
  }

  param(name: string, ...shape: number[]): ValueId {
    return this.op("param", [], { name, role: shape.length === 1 ? "channel" : "conv", layout: "spconv1", shape });
  }

  finish(outputs: Readonly<Record<string, ValueId>>): Module {
    for (const [name, value] of Object.entries(outputs)) this.b.output(name, value, [{ file: "t.spnet", line: 1, column: 1 }]);
    return this.b.finish();
  }
}

const centred: Geometry = { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1] };
const strided: Geometry = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1] };
const submAttrs = { kernel: [3, 3], padding: [1, 1], dilation: [1, 1] };

const coords = Array.from({ length: 40 }, (_, i) => [i % 2, (i * 5) % 12, (i * i + 3 * i) % 10]).filter((c, i, all) => all.findIndex((d) => d.join() === c.join()) === i);

function run(module: Module): ReadonlyMap<string, Value> {
  expect(verify(module)).toEqual([]);
  const shapes = new Map(module.ops.filter((op) => op.name === "param").map((op) => [op.attrs["name"] as string, op.attrs["shape"] as readonly number[]]));
  return interpret(module, {
    inputs: { x: { coords: coords.flat(), features: coords.flatMap((_, i) => [0, 1, 2, 3].map((c) => Math.cos(i * 1.3 + c))) } },
    params: (name) => {
      const shape = shapes.get(name)!;
      const seed = [...name].reduce((sum, ch) => sum * 7 + ch.charCodeAt(0), 1);
      // Positive for variances, different for every name and index.
      const data = Array.from({ length: shape.reduce((p, n) => p * n, 1) }, (_, i) => (name.startsWith("var") ? 1.1 : 0) + Math.sin(seed + i * 2.3));
      return { shape, data };
    },
    batch: 2,
  });
}

function expectSame(net: Module, fused: Module): void {
  const [a, b] = [run(net), run(fused)];
  expect([...b.keys()]).toEqual([...a.keys()]);
  for (const [name, wanted] of a) {
    const value = b.get(name)!;
    if (wanted.kind === "rulebook" || value.kind === "rulebook") throw new Error("a rulebook is no output");
    if (wanted.kind === "feat" && value.kind === "feat") expect(value.sites.coords, name).toEqual(wanted.sites.coords);
    expect(wanted.data.some((v) => v !== 0), `${name} says something`).toBe(true);
    expect(relativeError(value.data, wanted.data), name).toBeLessThan(1e-12);
  }
}

const bn = (d: Draft, x: ValueId, n: string, channels: number): ValueId =>
  d.op("bn", [x, ...["gamma", "beta", "mean", "var"].map((p) => d.param(p + n, channels))], { eps: 0.01 });

/** Scale and shift of a folded batch norm. */
function folded(d: Draft, n: string, channels: number, bias: readonly ValueId[] = []): readonly [ValueId, ValueId] {
  const [gamma, beta, mean, variance] = ["gamma", "beta", "mean", "var"].map((p) => d.param(p + n, channels));
  const scale = d.op("fold.bn_scale", [gamma!, variance!], { eps: 0.01 });
  return [scale, d.op("fold.bn_shift", [beta!, mean!, scale, ...bias])];
}

describe("fused operations against the net operations they stand for", () => {
  it("a sum of terms with every epilogue item, a second output and a scatter to dense", () => {
    const net = new Draft("net");
    const both = net.op("cat", [net.x, net.op("relu", [net.x])]);
    const y = bn(net, net.op("subm", [both, net.param("w", 3, 3, 8, 6), net.param("b", 6)], submAttrs), "1", 6);
    const sum = net.op("relu", [net.op("add", [y, net.op("linear", [net.x, net.param("s", 4, 6)])])]);
    const gated = net.op("mul", [net.op("sigmoid", [sum]), sum]);
    const projected = net.op("leaky_relu", [net.op("linear", [gated, net.param("l", 6, 3)])], { slope: 0.2 });
    const wanted = net.finish({ sum, bev: net.op("to_dense", [projected], { fold: "y" }) });

    const f = new Draft("fused");
    const relu = f.op("fused.pointwise", [f.x], { epilogue: [{ do: "relu" }] });
    const rb = f.op("rulebook.search", [], { from: f.sites, to: f.sites, ...centred, mirrored: true });
    const w = f.param("w", 3, 3, 8, 6);
    const [wx, wr] = [f.op("fold.slice_in", [w], { from: 0, to: 4 }), f.op("fold.slice_in", [w], { from: 4, to: 8 })];
    const [scale, shift] = folded(f, "1", 6);
    const shortcut = f.op("fused.conv", [f.x, f.param("s", 4, 6)], { terms: [{ x: 0, w: 1 }] });
    const operands = [f.x, wx, rb, relu, wr, f.param("b", 6), scale, shift, shortcut];
    const terms = [{ x: 0, w: 1, rb: 2 }, { x: 3, w: 4, rb: 2 }];
    const sum2 = f.op("fused.conv", operands, { terms, epilogue: [{ do: "bias", arg: 5 }, { do: "affine", scale: 6, shift: 7 }, { do: "add", arg: 8 }, { do: "relu" }] });
    const [again, dense] = f.ops("fused.pointwise", [sum2, sum2, f.param("l", 6, 3)], {
      epilogue: [{ do: "emit" }, { do: "sigmoid" }, { do: "mul", arg: 1 }, { do: "linear", w: 2 }, { do: "leaky_relu", slope: 0.2 }, { do: "dense", fold: "y" }],
    });
    expectSame(wanted, f.finish({ sum: again!, bev: dense! }));
  });

  it("an identity term beside a gathered one, biases added, a norm folded into the weights", () => {
    const net = new Draft("net");
    const y = bn(net, net.op("subm", [net.x, net.param("w", 3, 3, 4, 6), net.param("b", 6)], submAttrs), "1", 6);
    const wanted = net.finish({ y: net.op("add", [y, net.op("linear", [net.x, net.param("s", 4, 6), net.param("c", 6)])]) });

    const f = new Draft("fused");
    const rb = f.op("rulebook.search", [], { from: f.sites, to: f.sites, ...centred });
    const [scale, shift] = folded(f, "1", 6, [f.param("b", 6)]);
    const w = f.op("fold.scale_out", [f.param("w", 3, 3, 4, 6), scale]);
    const bias = f.op("fold.add", [shift, f.param("c", 6)]);
    const y2 = f.op("fused.conv", [f.x, w, rb, f.param("s", 4, 6), bias], { terms: [{ x: 0, w: 1, rb: 2 }, { x: 0, w: 3 }], epilogue: [{ do: "bias", arg: 4 }] });
    expectSame(wanted, f.finish({ y: y2 }));
  });

  it("siblings as one convolution with stacked columns, cut apart again", () => {
    const net = new Draft("net");
    const conv = (name: string, cout: number): ValueId => net.op("subm", [net.x, net.param(name, 3, 3, 4, cout)], submAttrs);
    const wanted = net.finish({ a: conv("a", 2), b: conv("b", 5), third: net.op("cat", [conv("a", 2), conv("b", 5)]) });

    const f = new Draft("fused");
    const rb = f.op("rulebook.search", [], { from: f.sites, to: f.sites, ...centred });
    const w = f.op("fold.stack_out", [f.param("a", 3, 3, 4, 2), f.param("b", 3, 3, 4, 5)]);
    const both = f.op("fused.conv", [f.x, w, rb], { terms: [{ x: 0, w: 1, rb: 2 }] });
    const again = f.op("fused.conv", [f.x, f.op("fold.slice_out", [w], { from: 0, to: 2 }), rb], { terms: [{ x: 0, w: 1, rb: 2 }] });
    const b = f.op("slice", [both], { from: 2, to: 7 });
    expectSame(wanted, f.finish({ a: again, b, third: f.op("cat", [f.op("slice", [both], { from: 0, to: 2 }), b]) }));
  });

  it("down by a search, up by its transpose, and a smaller kernel by a slice", () => {
    const net = new Draft("net");
    const down = net.op("conv", [net.x, net.param("w", 3, 3, 4, 3)], { ...strided, sites: "reach" });
    const flat = net.op("subm", [net.x, net.param("f", 1, 3, 4, 2)], { kernel: [1, 3], padding: [0, 1], dilation: [1, 1] });
    const wanted = net.finish({ down, up: net.op("up", [down, net.param("u", 3, 3, 3, 2)], { ...strided, onto: net.sites }), flat });

    const f = new Draft("fused");
    const to = f.b.sites.deriveReach(f.sites, strided);
    const rb = f.op("rulebook.search", [], { from: f.sites, to, ...strided });
    const own = f.op("rulebook.search", [], { from: f.sites, to: f.sites, ...centred, mirrored: true });
    const one = { terms: [{ x: 0, w: 1, rb: 2 }] };
    const down2 = f.op("fused.conv", [f.x, f.param("w", 3, 3, 4, 3), rb], one);
    const up = f.op("fused.conv", [down2, f.param("u", 3, 3, 3, 2), f.op("rulebook.transpose", [rb])], one);
    const slice = f.op("rulebook.slice", [own], { kernel: [1, 3], taps: [3, 4, 5] });
    expectSame(wanted, f.finish({ down: down2, up, flat: f.op("fused.conv", [f.x, f.param("f", 1, 3, 4, 2), slice], one) }));
  });

  it.each(["max", "avg", "sum"])("pool (%s) with an epilogue, then global pool and a gate on vectors", (mode) => {
    const net = new Draft("net");
    const pooled = net.op("relu", [net.op("pool", [net.x], { mode, ...strided, sites: "reach", divisor: "volume" })]);
    const all = net.op("global_pool", [pooled], { mode });
    const wanted = net.finish({ pooled, gate: net.op("linear", [net.op("mul", [all, net.op("sigmoid", [all])]), net.param("g", 4, 3)]) });

    const f = new Draft("fused");
    const rb = f.op("rulebook.search", [], { from: f.sites, to: f.b.sites.deriveReach(f.sites, strided), ...strided });
    const pooled2 = f.op("fused.pool", [f.x, rb], { mode, divisor: "volume", volume: 9, epilogue: [{ do: "relu" }] });
    const v = f.op("global_pool", [pooled2], { mode });
    const gate = f.op("fused.pointwise", [v], { epilogue: [{ do: "sigmoid" }] });
    const product = f.op("fused.pointwise", [v, gate], { epilogue: [{ do: "mul", arg: 1 }] });
    expectSame(wanted, f.finish({ pooled: pooled2, gate: f.op("fused.conv", [product, f.param("g", 4, 3)], { terms: [{ x: 0, w: 1 }] }) }));
  });

  it("a pair of convolutions, the rows between them also a result", () => {
    const net = new Draft("net");
    const middle = net.op("relu", [bn(net, net.op("subm", [net.x, net.param("v", 3, 3, 4, 5)], submAttrs), "1", 5)]);
    const end = net.op("subm", [middle, net.param("w", 3, 3, 5, 4), net.param("b", 4)], submAttrs);
    const wanted = net.finish({ middle, raw: end, end: net.op("relu", [net.op("add", [end, net.x])]) });

    const f = new Draft("fused");
    const rb = f.op("rulebook.search", [], { from: f.sites, to: f.sites, ...centred });
    const halo = f.op("rulebook.halo", [rb], { tile: 32, capacity: 128 });
    const [scale, shift] = folded(f, "1", 5);
    const results = f.ops("fused.pair", [f.x, f.param("v", 3, 3, 4, 5), rb, halo, scale, shift, f.param("w", 3, 3, 5, 4), f.param("b", 4)], {
      first: { x: 0, w: 1, epilogue: [{ do: "affine", scale: 4, shift: 5 }, { do: "relu" }, { do: "emit" }] },
      second: { w: 6, epilogue: [{ do: "bias", arg: 7 }, { do: "emit" }, { do: "add", arg: 0 }, { do: "relu" }] },
      rb: 2,
      halo: 3,
    });
    expectSame(wanted, f.finish({ middle: results[0]!, raw: results[1]!, end: results[2]! }));
  });
});
