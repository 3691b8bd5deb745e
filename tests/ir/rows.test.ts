import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/ir/interp/reference.ts";
import { cloud, netFromText, type SourceNet } from "../support/source-net.ts";
import { compileText } from "../diagnostics/support.ts";

/** Rows of features by batch item, as a plain table. */
interface Row {
  readonly item: number;
  readonly x: readonly number[];
}

const BATCH = 3;

function run(net: SourceNet, coords: Int32Array, features: ArrayLike<number>, batch = BATCH): number[] {
  const y = interpret(net.module, { inputs: { a: { coords, features } }, params: net.params, batch }).get("y")!;
  if (y.kind === "rulebook") throw new Error("y is a rulebook");
  return [...y.data];
}

const net = (channels: number, body: string, seed = 1): SourceNet => netFromText(`spnet 1\nnet N {\n  sites S : (p, q)\n  input a : feat[S, ${channels}]\n  output y = ${body}\n}\n`, seed);

/** Random rows of a random number of channels; the last batch item is empty. */
const tables: fc.Arbitrary<{ readonly channels: number; readonly seed: number; readonly rows: number }> = fc.record({
  channels: fc.constantFrom(1, 2, 3, 4, 6), seed: fc.nat(1000), rows: fc.constantFrom(0, 1, 2, 5, 17),
});

function table({ channels, seed, rows }: { channels: number; seed: number; rows: number }): { coords: Int32Array; features: Float32Array; list: readonly Row[] } {
  const { coords, features } = cloud(seed, rows, BATCH - 1, [9, 9], channels);
  return { coords, features, list: Array.from({ length: rows }, (_, r) => ({ item: coords[3 * r]!, x: [...features.subarray(r * channels, (r + 1) * channels)] })) };
}

/** Mean and variance by the formula E[x²] − E[x]²: another one than the interpreter's. */
function statistics(values: readonly number[]): readonly [mean: number, variance: number] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return [mean, values.reduce((a, b) => a + b * b, 0) / values.length - mean * mean];
}

function close(found: readonly number[], wanted: readonly number[], digits = 9): void {
  expect(found.length).toBe(wanted.length);
  found.forEach((v, i) => expect(v, `element ${i}`).toBeCloseTo(wanted[i]!, digits));
}

const check = (law: (t: { channels: number; seed: number; rows: number }) => void): void => fc.assert(fc.property(tables, law), { numRuns: 60 });

describe("norms by the rows themselves", () => {
  it("bn(stats=batch) takes each channel over all rows", () => {
    check((t) => {
      const { coords, features, list } = table(t);
      const wanted = list.flatMap(({ x }) => x.map((v, c) => {
        const [mean, variance] = statistics(list.map((r) => r.x[c]!));
        return (v - mean) / Math.sqrt(variance + 0.01);
      }));
      close(run(net(t.channels, "a |> bn(stats=batch, affine=false, eps=0.01)"), coords, features), wanted);
    });
  });

  it("instance_norm takes each channel over the rows of its batch item, then scales and shifts", () => {
    check((t) => {
      const { coords, features, list } = table(t);
      const n = net(t.channels, `a |> instance_norm(eps=0.02, w="n")`, t.seed);
      const [gamma, beta] = ["weight", "bias"].map((part) => n.params(`n.${part}`).data);
      const wanted = list.flatMap(({ item, x }) => x.map((v, c) => {
        const [mean, variance] = statistics(list.filter((r) => r.item === item).map((r) => r.x[c]!));
        return ((v - mean) / Math.sqrt(variance + 0.02)) * gamma![c]! + beta![c]!;
      }));
      close(run(n, coords, features), wanted);
    });
  });

  it("group_norm takes each group of channels over the rows of its batch item", () => {
    check((t) => {
      const { coords, features, list } = table(t);
      const groups = t.channels % 2 === 0 ? 2 : 1;
      const width = t.channels / groups;
      const wanted = list.flatMap(({ item, x }) => x.map((v, c) => {
        const first = Math.floor(c / width) * width;
        const [mean, variance] = statistics(list.filter((r) => r.item === item).flatMap((r) => r.x.slice(first, first + width)));
        return (v - mean) / Math.sqrt(variance + 0.03);
      }));
      close(run(net(t.channels, `a |> group_norm(${groups}, affine=false, eps=0.03)`), coords, features), wanted);
    });
  });

  it("layer_norm takes the channels of each row, then scales and shifts", () => {
    check((t) => {
      const { coords, features, list } = table(t);
      const n = net(t.channels, `a |> layer_norm(eps=0.04, w="n")`, t.seed);
      const [gamma, beta] = ["weight", "bias"].map((part) => n.params(`n.${part}`).data);
      const wanted = list.flatMap(({ x }) => {
        const [mean, variance] = statistics(x);
        return x.map((v, c) => ((v - mean) / Math.sqrt(variance + 0.04)) * gamma![c]! + beta![c]!);
      });
      close(run(n, coords, features), wanted);
    });
  });

  it("has the eps of the library that a dialect names", () => {
    const eps = (dialect: string, body: string): unknown => compileText(`spnet 1\nnet N {\n  ${dialect}\n  sites S : (p)\n  input a : feat[S, 4]\n  output y = a |> ${body}\n}\n`).module!.ops.find((op) => op.name === "normalise")!.attrs["eps"];
    expect(eps("dialect minkowski", "instance_norm")).toBe(1e-8);
    expect(eps("dialect minkowski", "bn(stats=batch)")).toBe(1e-5);
    expect(eps("dialect scn", "bn(stats=batch)")).toBe(1e-4);
    expect(eps("", "instance_norm")).toBe(1e-5);
    expect(eps("dialect torchsparse", "group_norm(2)")).toBe(1e-5);
  });

  it("names weights as the modules do: MinkowskiEngine wraps batch norms only", () => {
    const names = (body: string): readonly unknown[] => compileText(`spnet 1\nnet N {\n  dialect minkowski\n  sites S : (p)\n  input a : feat[S, 4]\n  output y = a |> ${body}\n}\n`).module!.ops.filter((op) => op.name === "param").map((op) => op.attrs["name"]);
    expect(names(`bn(stats=batch, w="n")`)).toEqual(["n.bn.weight", "n.bn.bias"]);
    expect(names(`bn(affine=false, w="n")`)).toEqual(["n.bn.running_mean", "n.bn.running_var"]);
    expect(names(`instance_norm(w="n")`)).toEqual(["n.weight", "n.bias"]);
    expect(names(`bn(stats=batch, affine=false, w="n")`)).toEqual([]);
  });
});

describe("bn(affine=false)", () => {
  it("is the stored norm without scale and shift", () => {
    const n = net(2, `a |> bn(affine=false, eps=0.5, w="n")`);
    const [mean, variance] = ["running_mean", "running_var"].map((part) => n.params(`n.${part}`).data);
    const wanted = [3, -1].map((v, c) => (v - mean![c]!) / Math.sqrt(variance![c]! + 0.5));
    close(run(n, Int32Array.of(1, 0, 0), [3, -1]), wanted);
  });
});

describe("prelu", () => {
  it("is PyTorch's, with one weight or with one for each channel", () => {
    const rows = [-2, 3, -4, 0, -0.5, 1];
    const one = net(3, `a |> prelu(w="p")`);
    const each = net(3, `a |> prelu(per=channel, w="p")`);
    expect([one, each].map((n) => n.weights("p.weight")!.shape)).toEqual([[1], [3]]);
    const [slope, slopes] = [one.weights("p.weight")!.data, each.weights("p.weight")!.data];
    close(run(one, Int32Array.of(0, 0, 0, 1, 0, 0), rows), rows.map((v) => Math.max(v, 0) + slope[0]! * Math.min(v, 0)));
    close(run(each, Int32Array.of(0, 0, 0, 1, 0, 0), rows), rows.map((v, i) => Math.max(v, 0) + slopes[i % 3]! * Math.min(v, 0)));
  });

  it("has its weight where MinkowskiEngine's module wraps PyTorch's", () => {
    const names = (head: string, body: string): readonly unknown[] => compileText(`spnet 1\nnet N {\n  ${head}\n  sites S : (p: 4)\n  input a : feat[S, 4]\n  output y = a |> ${body}\n}\n`).module!.ops.filter((op) => op.name === "param").map((op) => op.attrs["name"]);
    expect(names("dialect minkowski", `prelu(w="act")`)).toEqual(["act.module.weight"]);
    expect(names("dialect minkowski", `to_dense |> prelu(w="act")`)).toEqual(["act.weight"]);
    expect(names("dialect spconv", `prelu(w="act")`)).toEqual(["act.weight"]);
  });
});

describe("softmax", () => {
  it("has the values of a hand calculation, and its logarithm too", () => {
    const row = [Math.log(1), Math.log(2), Math.log(5)];
    close(run(net(3, "a |> softmax"), Int32Array.of(0, 0, 0), row), [1 / 8, 2 / 8, 5 / 8]);
    close(run(net(3, "a |> log_softmax"), Int32Array.of(0, 0, 0), row), [1, 2, 5].map((v) => Math.log(v / 8)));
  });

  it("neither overflows nor loses small shares", () => {
    close(run(net(2, "a |> softmax"), Int32Array.of(0, 0, 0), [1e4, 1e4]), [0.5, 0.5]);
    close(run(net(2, "a |> log_softmax"), Int32Array.of(0, 0, 0), [-1e4, 1e4]), [-2e4, 0]);
    close(run(net(1, "a |> log_softmax"), Int32Array.of(0, 0, 0), [7]), [0]);
  });
});

describe("broadcast", () => {
  it.each(["sum", "product", "cat", "copy"])("by %s brings each item's vector to its rows", (by) => {
    check((t) => {
      const { coords, features, list } = table(t);
      const most = (item: number, c: number): number => Math.max(...list.filter((r) => r.item === item).map((r) => r.x[c]!));
      const wanted = list.flatMap(({ item, x }) => {
        const v = x.map((_, c) => most(item, c));
        return by === "cat" ? [...x, ...v] : x.map((own, c) => (by === "sum" ? own + v[c]! : by === "product" ? own * v[c]! : v[c]!));
      });
      close(run(net(t.channels, `broadcast(a, a |> global_max_pool, by=${by})`), coords, features), wanted);
    });
  });

  it("takes the vector of another input: the items of a run are shared", () => {
    const n = netFromText("spnet 1\nnet N {\n  sites S : (p)\n  sites T : (u, v)\n  input a : feat[S, 2]\n  input b : feat[T, 2]\n  output y = broadcast(a, b |> global_sum_pool, by=sum)\n}\n");
    const y = interpret(n.module, { inputs: { a: { coords: [0, 5, 1, 5], features: [1, 2, 3, 4] }, b: { coords: [1, 0, 0, 1, 0, 1], features: [10, 20, 30, 40] } }, params: n.params, batch: 2 }).get("y")!;
    expect(y.kind !== "rulebook" && [...y.data]).toEqual([1, 2, 43, 64]);
  });
});

describe("mistakes", () => {
  it.each([
    ["a |> softplus(beta=-1)", "SP0430"],
    ["a |> softplus(threshold=1e39)", "SP0430"],
    ["a |> instance_norm(eps=0)", "SP0430"],
    ["a |> bn(stats=batch, eps=1e-60)", "SP0430"],
    ["a |> group_norm(0)", "SP0431"],
    ["a |> group_norm(8)", "SP0431"],
    ["a |> global_avg_pool |> instance_norm", "SP0304"],
    ["broadcast(a, a, by=sum)", "SP0304"],
    ["broadcast(a, a |> global_avg_pool |> linear(3), by=product)", "SP0303"],
    ["broadcast(a, a |> global_avg_pool, by=max)", "SP0210"],
    ["broadcast(a, a |> global_avg_pool)", "SP0207"],
    ["a + (a |> global_avg_pool)", "SP0401"],
    ["a |> softmax(dim=1)", "SP0233"],
    ["a |> MinkowskiInstanceNorm", "SP0203"],
    ["a |> GroupNorm(num_groups=2)", "SP0203"],
    ["a |> layer_norm(eps=0)", "SP0430"],
    ["a |> LayerNorm(4)", "SP0203"],
    ["a |> PReLU(num_parameters=4)", "SP0203"],
    ["a |> prelu(per=row)", "SP0210"],
    ["a |> unpool(mode=sum)", "SP0405"],
  ])("%s", (body, code) => {
    const { diagnostics } = compileText(`spnet 1\nnet N {\n  sites S : (p, q)\n  input a : feat[S, 4]\n  output y = ${body}\n}\n`);
    expect(diagnostics.map((d) => d.code).filter((c) => c !== "SP0205" && c !== "SP0701")).toEqual([code]);
    if (code === "SP0401") expect(diagnostics[0]!.help?.text).toContain("broadcast(x, v, by=sum)");
    if (code === "SP0405") expect(diagnostics[0]!.message).toBe("`unpool` has nothing to go back to");
  });
});
