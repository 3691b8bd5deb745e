import { describe, expect, it } from "vitest";
import { EMPTY_CACHE, findEntry, printCache, readCache, SEMANTICS, withEntry, type TuningCache, type TuningEntry } from "../../src/codegen/tuning/cache.ts";

const entry = (changes: Partial<TuningEntry> = {}): TuningEntry => ({
  target: "webgpu", adapter: "A", kernels: "k1", network: "Net", pipeline: "lower", tiles: { "27tx8->8": { threads: 2, perThread: 4, dataflow: "packed" } }, milliseconds: { standard: 2, tuned: 1 }, ...changes,
});
const cache = withEntry(withEntry(EMPTY_CACHE, entry()), entry({ adapter: "B" }));
const wanted = { target: "webgpu", kernels: "k1", adapter: "A" } as const;

describe("a tuning cache", () => {
  it("is printed and read back without loss", () => expect(readCache(printCache(cache))).toEqual(cache));

  it("gives the entry of the adapter, and replaces it", () => {
    expect(findEntry(cache, wanted)).toEqual(entry());
    const newer = withEntry(cache, entry({ pipeline: "lower,dce" }));
    expect(newer.entries).toHaveLength(2);
    expect(findEntry(newer, wanted)).toMatchObject({ pipeline: "lower,dce" });
    expect(findEntry(newer, { ...wanted, adapter: "B" })).toMatchObject({ pipeline: "lower" });
  });

  it.each([
    ["another target", cache, { ...wanted, target: "wasm" as const }, "nothing for wasm"],
    ["other kernels", cache, { ...wanted, kernels: "k2" }, "other kernels than this network has now"],
    ["another adapter", cache, { ...wanted, adapter: "C" }, "made on A, B, this is C"],
    ["no adapter and several entries", cache, { ...wanted, adapter: undefined }, "choose one with --adapter"],
    ["other semantics", { ...cache, semantics: SEMANTICS + 1 }, wanted, `version ${SEMANTICS + 1} of the kernels' semantics, this is ${SEMANTICS}`],
  ] as const)("says why not: %s", (_, given, asked, why) => expect(findEntry(given, asked)).toContain(why));

  it("forgets entries of other semantics when one is added", () => {
    expect(withEntry({ ...cache, semantics: SEMANTICS + 1 }, entry()).entries).toEqual([entry()]);
  });

  const spoilt = (change: (file: Record<string, unknown>) => void): string => {
    const file = JSON.parse(printCache(cache)) as Record<string, unknown>;
    change(file);
    return JSON.stringify(file);
  };
  it.each([
    ["no JSON", "{"],
    ["another format", spoilt((f) => (f["format"] = "spnet tuning 9"))],
    ["null", "null"],
    ["no entries", spoilt((f) => delete f["entries"])],
    ["an entry that is none", spoilt((f) => ((f["entries"] as TuningCache["entries"][number][])[1] = { ...entry(), tiles: { a: { threads: 0.5, perThread: 1 } } }))],
    ["an entry without times", spoilt((f) => ((f["entries"] as unknown[])[0] = { ...entry(), milliseconds: {} }))],
  ])("says what is wrong with a text: %s", (_, text) => expect(typeof readCache(text)).toBe("string"));
});
