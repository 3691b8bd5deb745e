import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { afterAll, describe, expect, test } from "vitest";
import { EMPTY_CACHE, printCache, readCache, withEntry, type TuningCache } from "../../src/codegen/tuning/cache.ts";
import { float32Tensor, int32Tensor } from "../../src/cli/files/tensor.ts";
import { writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { kernelsDigest } from "../../src/cli/tuning/files.ts";
import { machineName } from "../../src/cli/tuning/workbench.ts";
import { printPipeline } from "../../src/passes/pipeline.ts";
import { presetPipeline } from "../../src/passes/presets.ts";
import { netFromText } from "../support/source-net.ts";
import { Folder, SMALL_NET, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("small.spnet", SMALL_NET);
const coords = Int32Array.of(0, 1, 2, 3, 0, 1, 2, 4, 0, 7, 15, 15);
const scene = folder.write("scene.safetensors", writeSafetensors([int32Tensor("coords", [3, 4], coords), float32Tensor("features", [3, 4], Float32Array.from(coords))]));
const given = ["--input", scene, "--random-weights", "1", "--target", "wasm", "--threads", "0", "--lanes", "plain"];
const cache = folder.at("tuning.json");

/** An entry of another machine, with a choice of each sort. */
const entryFile = folder.write("entry.json", printCache(withEntry(EMPTY_CACHE, {
  target: "wasm", adapter: "Slow, Node 20, 4 threads, plain lanes", network: "Small",
  kernels: kernelsDigest(netFromText(SMALL_NET).module, "wasm"),
  pipeline: printPipeline(presetPipeline("O2").filter((step) => step.pass.name !== "fuse-siblings")),
  tiles: { "27tx4->8": { rows: 6, columns: 8 }, "9tx1->1": { rows: 2, columns: 8 } },
  milliseconds: { standard: 2, tuned: 1 }, samples: { rounds: 11, repetitions: 1 },
})));

describe("spnet tune on the CPU", () => {
  test("keeps what it found, and run and compile take it", async () => {
    const tuned = await spnet("tune", net, "--cache", cache, "--seconds", "5", ...given);
    expect(tuned).toMatchObject({ status: 0, out: expect.stringMatching(/^Small on .* ms as compiled without tuning, .* ms tuned; medians of \d+ rounds of \d+ runs?\n {2}pipeline ground,lower,/) });
    expect((readCache(readFileSync(cache, "utf8")) as TuningCache).entries).toHaveLength(1);
    const run = await spnet("run", net, ...given, "--tuning", cache, "--check");
    expect(run).toMatchObject({ status: 0, err: expect.stringContaining("tuned for ") });
    expect(run.err).not.toContain("SP0704");
    const compiled = await spnet("compile", net, "--out", folder.at("out"), "--target", "wasm", "--tuning", cache, "--adapter", "plain lanes");
    expect(compiled).toMatchObject({ status: 0, err: expect.stringContaining("tuned for ") });
  });

  test.each([
    ["compile", ["--out", folder.at("out"), "--target", "wasm"]],
    ["dump", ["--stage", "wat"]],
  ] as const)("%s does not take the only entry just because it is that", async (command, options) => {
    const given = [command, net, ...options, "--tuning", entryFile] as const;
    const untold = await spnet(...given);
    expect(untold).toMatchObject({ status: 0, err: expect.stringMatching(/note\[SP0705\]: the tuning in .* is not taken for wasm: it was made on Slow, Node 20, 4 threads, plain lanes, .*--adapter any/) });
    expect(untold.err).not.toContain("tuned for");
    const other = await spnet(...given, "--adapter", "Fast");
    expect(other).toMatchObject({ status: 0, err: expect.stringMatching(/SP0705.* made on Slow, .*--adapter is Fast/) });
    expect(other.out).toBe(untold.out);
    for (const named of ["Slow", "any"]) {
      const told = await spnet(...given, "--adapter", named);
      expect(told).toMatchObject({ status: 0, err: expect.stringContaining("tuned for Slow, Node 20, 4 threads, plain lanes: 2.0 ms became 1.0 ms there") });
      expect(told.err).not.toContain("not taken for wasm");
      if (command === "dump") expect(told.out).toContain("_r6");
    }
    if (command === "dump") expect(untold.out).not.toContain("_r6");
  });

  test("remarks name what was chosen, the entry and what was untuned", async () => {
    const { err } = await spnet("run", net, ...given, "--tuning", entryFile, "--adapter", "any", "--remarks");
    expect(err).toContain("-: tuning did: no fuse-siblings from the entry of Slow, Node 20, 4 threads, plain lanes; untuned: fuse-siblings");
    expect(err).toMatch(/small\.spnet:\d+:\d+: tuning did: tile 6 rows × 8 columns of 27tx4->8 from the entry of Slow, .*; untuned: 2 rows × 16 columns, 4 rows where lanes are joined/);
    expect(err).toContain("-: tuning left: tile 2 rows × 8 columns of 9tx1->1 from the entry of Slow, Node 20, 4 threads, plain lanes: no step is of this kind");
    for (const command of [["compile", "--out", folder.at("out"), "--target", "wasm"], ["dump", "--stage", "wat"]]) {
      const said = await spnet(command[0]!, net, ...command.slice(1), "--tuning", entryFile, "--adapter", "any", "--remarks");
      expect(said.err).toMatch(/tuning did: tile 6 rows × 8 columns of 27tx4->8 /);
    }
    expect((await spnet("run", net, ...given, "--tuning", entryFile, "--adapter", "any")).err).not.toContain("tuning did");
    expect((await spnet("run", net, ...given, "--remarks")).err).not.toContain("tuning did");
  });

  test("the CPU is named by the threads that are started and the lanes that can be joined", () => {
    const name = (options: { readonly threads?: number; readonly lanes: "wide" | "plain" }): string => machineName({ target: "wasm", options: { ...options, onNotice: () => undefined } });
    const joined = process.arch === "x64" && Number.parseInt(process.versions.node, 10) >= 24;
    expect(name({ lanes: "wide" })).toMatch(new RegExp(`, ${Math.min(16, availableParallelism())} threads, ${joined ? "wide" : "plain"} lanes$`));
    expect(name({ threads: 3, lanes: "plain" })).toMatch(/, 3 threads, plain lanes$/);
  });

  test("what was made for something else is ignored with a word", async () => {
    const renamed = folder.write("renamed.spnet", SMALL_NET.replace("  sites", "  // a comment\n  sites"));
    expect((await spnet("run", renamed, ...given, "--tuning", cache)).err).toContain("tuned for ");
    const other = folder.write("other.spnet", SMALL_NET.replace("subm(8, k=3, w=\"b\"", "subm(8, k=1, w=\"b\""));
    expect(await spnet("run", other, ...given, "--tuning", cache)).toMatchObject({ status: 0, err: expect.stringContaining("warning[SP0704]: the tuning in") });
    expect(await spnet("run", net, ...given.map((word) => (word === "0" ? "1" : word)), "--tuning", cache)).toMatchObject({ status: 0, err: expect.stringMatching(/SP0705.*it was made on .* 0 threads, plain lanes, this is .* 1 threads/) });
  });

  test("a corrupt file is ignored by run and begun anew by tune", async () => {
    const corrupt = folder.write("corrupt.json", "{ not JSON");
    expect(await spnet("run", net, ...given, "--tuning", corrupt)).toMatchObject({ status: 0, err: expect.stringMatching(/SP0704.*cannot be read/) });
    expect(await spnet("tune", net, "--cache", corrupt, "--seconds", "1", ...given)).toMatchObject({ status: 0, err: expect.stringContaining("is begun anew") });
    expect((readCache(readFileSync(corrupt, "utf8")) as TuningCache).entries).toHaveLength(1);
  });

  test("does not go with options that it chooses itself, and needs a cache", async () => {
    expect(await spnet("run", net, ...given, "--tuning", cache, "-O", "1")).toMatchObject({ status: 2, err: expect.stringContaining("--tuning chooses the passes") });
    expect(await spnet("tune", net, ...given)).toMatchObject({ status: 2, err: expect.stringContaining("--cache is required") });
  });
});
