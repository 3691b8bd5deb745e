import { describe, expect, it } from "vitest";
import { compileSource } from "../../src/ir/from-source.ts";
import type { Module } from "../../src/ir/module.ts";
import { programOf } from "../support/emitted.ts";

/** What one binding holds on every device. */
const BINDING = 128 << 20;

function net(sites: string, cin: number, body: string): Module {
  const text = `spnet 1\nnet N {\n  sites S : ${sites}\n  input x : feat[S, ${cin}]\n  ${body}\n}\n`;
  return compileSource("test.spnet", { readFile: () => text }).module!;
}

describe("the parameters of one kernel fit one binding", () => {
  it.each([
    ["weights that fill it to the last byte, and a bias", "(y, x)", 1024, "output y = x |> subm(2048, k=4, p=1, bias=true) |> relu", 2],
    ["weights that fill it to the last byte, alone", "(y, x)", 1024, "output y = x |> subm(2048, k=4, p=1) |> relu", 1],
    ["columns that are padded to quads", "(z, y, x)", 2046, "output y = x |> subm(607, k=3)", 2],
    ["a norm that cannot be folded away, and a residual", "(z, y, x)", 2048, "output y = ((x |> subm(2048, k=3) |> relu |> bn(w=\"n\")) + x) |> relu", 4],
    ["two terms, each of which would fit", "(z, y, x)", 1000, "output y = cat(x |> subm(1000, k=3, w=\"a\"), x) |> subm(1001, k=3, w=\"b\")", 3],
    ["a layer that would fit on chip after a convolution that does not fit", "(w, z, y, x)", 2048, "output y = x |> subm(64, k=5) |> relu |> linear(64, bias=true) |> relu", 4],
    ["a large linear layer", "(x)", 8192, "output y = x |> global_avg_pool |> linear(8192, bias=true)", 3],
  ] as const)("%s", (_name, sites, cin, body, blocks) => {
    const { plan } = programOf(net(sites, cin, body));
    for (const { floats } of plan.blocks) expect(4 * floats).toBeLessThanOrEqual(BINDING);
    expect(plan.blocks.length).toBe(blocks);
  });
});
