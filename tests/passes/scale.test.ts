/** Cost grows with the module, not with its square: a module four times as large takes far less than 16 times as long. */
import { describe, expect, test } from "vitest";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { runPipeline } from "../../src/passes/manager.ts";
import { parsePipeline } from "../../src/passes/pipeline.ts";
import { presets } from "../../src/passes/presets.ts";
import { count, Draft, features } from "./support.ts";

const text = presets.O2.replace("fuse-pairs", "fuse-pairs{pairs=always}");

function timed(module: Module): { readonly module: Module; readonly seconds: number } {
  const { pipeline } = parsePipeline(text);
  const start = performance.now();
  const result = runPipeline(module, pipeline!);
  return { module: result.module, seconds: (performance.now() - start) / 1000 };
}

function chain(length: number): Module {
  const d = new Draft("net");
  let x: ValueId = d.x;
  for (let i = 0; i < length; i++) x = d.relu(d.bn(d.subm(x, 4)));
  return d.finish(x);
}

/** One value read by everything, everything joined pair by pair. */
function fan(width: number): Module {
  const d = new Draft("net");
  let sum = d.relu(d.x);
  for (let i = 0; i < width; i++) sum = d.add(sum, d.op("sigmoid", [d.subm(d.x, 4, [1 + 2 * (i % 3), 3])]));
  return d.finish(sum);
}

/** Skips that live from the start to the end, joined in reverse. */
function nest(depth: number): Module {
  const d = new Draft("net");
  const skips: ValueId[] = [];
  let x = d.x;
  for (let i = 0; i < depth; i++) skips.push((x = d.relu(d.subm(x, 4))));
  for (const skip of skips.reverse()) x = d.subm(d.cat(x, skip), 4);
  return d.finish(x);
}

/** Of a module of `size` and of one a quarter as large: how many times longer the passes take. */
function growth(make: (size: number) => Module, size: number): { readonly module: Module; readonly ratio: number } {
  timed(make(size / 40));
  const quarter = timed(make(size / 4)).seconds;
  const { module, seconds } = timed(make(size));
  return { module, ratio: seconds / quarter };
}

const LINEAR_ENOUGH = 10;

describe("thousands of convolutions through -O2", () => {
  test("in a chain", { timeout: 120_000 }, () => {
    const { module, ratio } = growth(chain, 10_000);
    expect(features(module)).toHaveLength(5_000);
    expect(count(module, "rulebook.search")).toBe(1);
    expect(ratio).toBeLessThan(LINEAR_ENOUGH);
  });

  test("side by side", { timeout: 120_000 }, () => {
    const { module, ratio } = growth(fan, 6_000);
    expect(count(module, "rulebook.search")).toBe(1);
    expect(ratio).toBeLessThan(LINEAR_ENOUGH);
  });

  test("nested", { timeout: 120_000 }, () => {
    expect(growth(nest, 2_000).ratio).toBeLessThan(LINEAR_ENOUGH);
  });
});
