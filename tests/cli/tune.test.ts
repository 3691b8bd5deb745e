import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { readCache, type TuningCache } from "../../src/codegen/tuning/cache.ts";
import { float32Tensor, int32Tensor } from "../../src/cli/files/tensor.ts";
import { writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { Folder, SMALL_NET, spnet } from "./support.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const net = folder.write("small.spnet", SMALL_NET);
const coords = Int32Array.of(0, 1, 2, 3, 0, 1, 2, 4, 0, 7, 15, 15);
const scene = folder.write("scene.safetensors", writeSafetensors([int32Tensor("coords", [3, 4], coords), float32Tensor("features", [3, 4], Float32Array.from(coords))]));
const given = ["--input", scene, "--random-weights", "1", "--target", "wasm", "--threads", "0", "--lanes", "plain"];
const cache = folder.at("tuning.json");

describe("spnet tune on the CPU", () => {
  test("keeps what it found, and run and compile take it", async () => {
    const tuned = await spnet("tune", net, "--cache", cache, "--seconds", "5", ...given);
    expect(tuned).toMatchObject({ status: 0, out: expect.stringMatching(/^Small on .* ms as compiled without tuning, .* ms tuned\n {2}pipeline lower,/) });
    expect((readCache(readFileSync(cache, "utf8")) as TuningCache).entries).toHaveLength(1);
    const run = await spnet("run", net, ...given, "--tuning", cache, "--check");
    expect(run).toMatchObject({ status: 0, err: expect.stringContaining("tuned for ") });
    expect(run.err).not.toContain("SP0704");
    const compiled = await spnet("compile", net, "--out", folder.at("out"), "--target", "wasm", "--tuning", cache);
    expect(compiled).toMatchObject({ status: 0, err: expect.stringContaining("tuned for ") });
  });

  test("what was made for something else is ignored with a word", async () => {
    const other = folder.write("other.spnet", SMALL_NET.replace("subm(8, k=3, w=\"b\"", "subm(8, k=1, w=\"b\""));
    expect(await spnet("run", other, ...given, "--tuning", cache)).toMatchObject({ status: 0, err: expect.stringContaining("warning[SP0704]: the tuning in") });
    expect(await spnet("run", net, ...given.map((word) => (word === "0" ? "1" : word)), "--tuning", cache)).toMatchObject({ status: 0, err: expect.stringMatching(/SP0704.*it was made on .* 0 threads, plain lanes, this is .* 1 threads/) });
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
