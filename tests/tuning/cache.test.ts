import { describe, expect, it } from "vitest";
import { EMPTY_CACHE, findEntry, printCache, readCache, SEMANTICS, withEntry, type TuningCache, type TuningEntry } from "../../src/codegen/tuning/cache.ts";

const entry = (changes: Partial<TuningEntry> = {}): TuningEntry => ({
  target: "webgpu", adapter: "A", kernels: "k1", network: "Net", pipeline: "lower", tiles: { "27tx8->8": { threads: 2, perThread: 4, dataflow: "packed" } }, milliseconds: { standard: 2, tuned: 1 }, samples: { rounds: 11, repetitions: 3 }, ...changes,
});
const cache = withEntry(withEntry(EMPTY_CACHE, entry()), entry({ adapter: "B" }));
const wanted = { target: "webgpu", kernels: "k1", here: "A" } as const;
const sole = withEntry(EMPTY_CACHE, entry({ adapter: "Vendor GPU 1" }));

describe("a tuning cache", () => {
  it("is printed and read back without loss", () => expect(readCache(printCache(cache))).toEqual(cache));

  it("gives the entry of the adapter, and replaces it", () => {
    expect(findEntry(cache, wanted)).toEqual(entry());
    const newer = withEntry(cache, entry({ pipeline: "lower,dce" }));
    expect(newer.entries).toHaveLength(2);
    expect(findEntry(newer, wanted)).toMatchObject({ pipeline: "lower,dce" });
    expect(findEntry(newer, { ...wanted, here: "B" })).toMatchObject({ pipeline: "lower" });
  });

  it.each([
    ["another target", cache, { ...wanted, target: "wasm" as const }, "unfit", "nothing for wasm"],
    ["other kernels", cache, { ...wanted, kernels: "k2" }, "unfit", "other kernels than this network has now"],
    ["another adapter", cache, { ...wanted, here: "C" }, "adapter", "made on A; B, this is C"],
    ["one of several, and the adapter is not known", cache, { ...wanted, here: undefined }, "adapter", "name it with --adapter"],
    ["the only one, and the adapter is not known", sole, { ...wanted, here: undefined }, "adapter", "made on Vendor GPU 1, which adapter this is for is not known: name it with --adapter, or take any with --adapter any"],
    ["another adapter than is named", sole, { ...wanted, here: "Vendor GPU 1", named: "GPU 2" }, "adapter", "--adapter is GPU 2"],
    ["a name that means several", withEntry(sole, entry({ adapter: "Vendor GPU 12" })), { ...wanted, named: "Vendor" }, "adapter", "--adapter Vendor means several of them"],
    ["any of several", cache, { ...wanted, named: "any" }, "adapter", "--adapter any means several of them"],
    ["other semantics", { ...cache, semantics: SEMANTICS + 1 }, wanted, "unfit", `version ${SEMANTICS + 1} of the kernels' semantics, this is ${SEMANTICS}`],
  ] as const)("says why not: %s", (_, given, asked, because, why) => expect(findEntry(given, asked)).toEqual({ because, why: expect.stringContaining(why) }));

  it.each([
    ["its name, though a longer one has it in it", withEntry(sole, entry({ adapter: "Vendor GPU 12" })), "Vendor GPU 1"],
    ["a part of its name, in any case", withEntry(sole, entry({ adapter: "Other" })), "gpu 1"],
    ["any, where there is one", sole, "any"],
  ])("takes the entry that a person named by %s, wherever it runs", (_, given, named) => {
    expect(findEntry(given, { ...wanted, here: undefined, named })).toMatchObject({ adapter: "Vendor GPU 1" });
    expect(findEntry(given, { ...wanted, here: "C", named })).toMatchObject({ adapter: "Vendor GPU 1" });
  });

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
    ["another format", spoilt((f) => (f["format"] = "spnet tuning 1"))],
    ["null", "null"],
    ["no entries", spoilt((f) => delete f["entries"])],
    ["an entry that is none", spoilt((f) => ((f["entries"] as TuningCache["entries"][number][])[1] = { ...entry(), tiles: { a: { threads: 0.5, perThread: 1 } } }))],
    ["a tile of the other target", spoilt((f) => ((f["entries"] as unknown[])[0] = entry({ target: "wasm" })))],
    ["an entry without times", spoilt((f) => ((f["entries"] as unknown[])[0] = { ...entry(), milliseconds: {} }))],
  ])("says what is wrong with a text: %s", (_, text) => expect(typeof readCache(text)).toBe("string"));
});
