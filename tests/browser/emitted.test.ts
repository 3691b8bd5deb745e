import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { randomWeights } from "../../src/cli/weights/random-weights.ts";
import { writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { relativeError } from "../support/compare.ts";
import { emit, SMALL } from "../support/emitted.ts";
import { cloud, netFromText, reference } from "../support/source-net.ts";
import { noBrowser, withPage } from "./chromium.ts";
import { IMPORT_MAP, openSite, WATCH, type Site } from "./site.ts";
import type { PageCase, PageOutputs, PageReport } from "./page.ts";

const LIMIT = 120_000;

if (noBrowser !== undefined) console.warn(`skipped: tests in a browser, because ${noBrowser}`);

describe.skipIf(noBrowser !== undefined)(`in a browser${noBrowser === undefined ? "" : ` (skipped: ${noBrowser})`}`, () => {
  let site: Site | undefined;
  afterEach(async () => await site?.close());

  it("a module and the compiler run, on WebGPU", { timeout: LIMIT }, async () => {
    const net = netFromText(SMALL);
    const scene = cloud(11, 200, 2, [9, 17, 21], 3);
    const given: PageCase = { source: SMALL, input: "a", batch: 2, coords: [...scene.coords], features: [...scene.features] };
    site = await openSite(new Map<string, string | Uint8Array>([
      ["/", `<!doctype html>${WATCH}${IMPORT_MAP}<script type="module" src="/tests/browser/page.ts"></script>`],
      ["/net.js", (await emit(net.module, "both")).js],
      ["/net.safetensors", writeSafetensors(randomWeights(net.module, 1).values())],
      ["/case.json", JSON.stringify(given)],
    ]));
    const page = await withPage(`${site.origin}/`, site.report<PageReport>(), LIMIT - 10_000);
    console.log(`browser: ${page.described}; ${page.prepared.dispatches} dispatches for sites, ${page.ran.dispatches} for features`);

    expect(page.uncaptured).toEqual([]);
    expect(page.adapter.vendor).not.toBe("");
    expect(page.described).toContain(page.adapter.vendor);
    expect(page.progress[0]).toEqual({ phase: "weights", done: 1, total: 1 });
    const kernels = page.progress.filter((p) => p.phase === "compile");
    expect(kernels.map((p) => p.done)).toEqual(kernels.map((_, i) => i + 1));
    expect(kernels.at(-1)!.total).toBe(kernels.length);

    for (const counts of [page.prepared, page.ran]) expect([counts.submits, counts.readbacks]).toEqual([1, 1]);
    expect(page.prepared.dispatches).toBeGreaterThan(0);
    expect(page.ran.dispatches).toBe(Number(/(\d+) feature dispatches/.exec(page.emitted.js)![1]));

    const wanted = reference(net, { a: scene }, 2);
    expect(Object.keys(page.scene).sort()).toEqual([...wanted.keys()].sort());
    for (const [name, values] of wanted) expect(relativeError(page.scene[name]!.data, values), name).toBeLessThanOrEqual(1e-5);
    expect(page.scene["fine"]!.coords).toEqual(given.coords);
    expect(page.aborted).toBe("SP0620");

    // The same scene gives the same bits, whichever way it comes in and out, and whoever compiled the module.
    const same = (outputs: PageOutputs): void => expect(outputs).toEqual(page.scene);
    same(page.buffers);
    same(page.compiledHere);
    expect(page.emitted).toEqual(await emit(net.module, "both"));

    // The module asked for nothing; the compiler, which is many files, shows that asking is seen.
    const askedBy = (path: string): readonly string[] => site!.requests.filter((r) => r.from === path).map((r) => r.path);
    expect(askedBy("/net.js")).toEqual([]);
    expect(askedBy("/src/index.ts").length).toBeGreaterThan(10);
  });

  it("the page of docs/RUNTIME.md works as printed", { timeout: LIMIT }, async () => {
    const html = /```html\n([^]*?)```/.exec(readFileSync(new URL("../../docs/RUNTIME.md", import.meta.url), "utf8"))![1]!;
    const text = readFileSync(new URL("../../examples/strokes2d.spnet", import.meta.url), "utf8");
    const net = netFromText(text);
    // The page speaks to its reader only: what it shows is posted once it is there.
    const listen = `<script>setInterval(() => out.textContent && fetch("/report", { method: "POST", body: JSON.stringify({ shown: out.textContent, bar: [bar.value, bar.max] }) }), 50)</script>`;
    site = await openSite(new Map<string, string | Uint8Array>([
      ["/", `${html.replace("<!doctype html>", (start) => start + WATCH)}${listen}`],
      ["/strokes2d.js", (await emit(net.module, "both")).js],
      ["/strokes2d.safetensors", writeSafetensors(randomWeights(net.module, 1).values())],
    ]));
    const { shown, bar } = await withPage(`${site.origin}/`, site.report<{ readonly shown: string; readonly bar: readonly number[] }>(), LIMIT - 10_000);
    const cells = Array.from({ length: 40 }, (_, i) => i);
    const strokes = { coords: Int32Array.from(cells.flatMap((i) => [0, 12 + i, 12 + i])), features: Float32Array.from(cells.flatMap(() => [1, Math.SQRT1_2, Math.SQRT1_2])) };
    const scores = JSON.parse(shown.split("\n").at(-1)!) as number[];
    expect(relativeError(scores, reference(net, { strokes }, 1).get("scores")!)).toBeLessThanOrEqual(1e-5);
    expect(bar[0]).toBe(bar[1]);
    expect(bar[0]).toBeGreaterThan(0);
  });
});
