import { afterEach, describe, expect, it } from "vitest";
import { randomWeights } from "../../src/cli/weights/random-weights.ts";
import { writeSafetensors } from "../../src/cli/files/safetensors.ts";
import { openCpu } from "../../src/runtime/index.ts";
import { relativeError } from "../support/compare.ts";
import { emit, SMALL, wasmProgramOf } from "../support/emitted.ts";
import { dataOf, type AnyNetwork } from "../support/network-runs.ts";
import { cloud, netFromText, reference } from "../support/source-net.ts";
import { noBrowser, withPage } from "./chromium.ts";
import type { CpuPageReport } from "./cpu-page.ts";
import type { PageCase } from "./page.ts";
import { ISOLATED, openSite, WATCH, type Site } from "./site.ts";

const LIMIT = 120_000;

if (noBrowser !== undefined) console.warn(`skipped: tests in a browser, because ${noBrowser}`);

describe.skipIf(noBrowser !== undefined)(`the CPU target in a browser${noBrowser === undefined ? "" : ` (skipped: ${noBrowser})`}`, () => {
  const net = netFromText(SMALL);
  const scene = cloud(11, 400, 2, [9, 17, 21], 3);
  const given: PageCase = { source: SMALL, input: "a", batch: 2, coords: [...scene.coords], features: [...scene.features] };

  let site: Site | undefined;
  afterEach(async () => await site?.close());

  async function page(headers: Readonly<Record<string, string>>): Promise<CpuPageReport> {
    site = await openSite(
      new Map<string, string | Uint8Array>([
        ["/", `<!doctype html>${WATCH}<script type="module" src="/tests/browser/cpu-page.ts"></script>`],
        ["/net.js", (await emit(net.module, "both")).js],
        ["/net.safetensors", writeSafetensors(randomWeights(net.module, 1).values())],
        ["/case.json", JSON.stringify(given)],
      ]),
      headers,
    );
    const report = await withPage(`${site.origin}/`, site.report<CpuPageReport>(), LIMIT - 10_000);
    expect(site.requests.filter(({ from }) => from === "/net.js")).toEqual([]);
    return report;
  }

  /** The bits that Node's CPU gives, and how far they are from the interpreter. */
  async function checkOutputs({ outputs }: CpuPageReport): Promise<void> {
    const { plan, code } = await wasmProgramOf(net.module);
    const network: AnyNetwork = await openCpu(plan, Uint8Array.from(code), { weights: net.weights, threads: 2 });
    const here = await network.run({ a: scene });
    network.dispose();
    const wanted = reference(net, { a: scene }, 2);
    expect(outputs).toHaveLength(4);
    for (const there of outputs) {
      expect(Object.keys(there).sort()).toEqual([...wanted.keys()].sort());
      for (const [name, values] of wanted) {
        expect(Float32Array.from(there[name]!), name).toEqual(dataOf(here[name]!));
        expect(relativeError(there[name]!, values), name).toBeLessThanOrEqual(1e-5);
      }
    }
  }

  it("runs on several threads where the page is cross-origin isolated, chosen by the module", { timeout: LIMIT }, async () => {
    const report = await page(ISOLATED);
    expect(report).toMatchObject({ isolated: true, target: "wasm", disposed: "SP0621" });
    expect(report.adapter).toMatch(/^CPU, WebAssembly, \d+ threads?, plain lanes$/);
    expect(report.notices).toEqual([expect.stringMatching(/^no GPU \(SP060[12]\), so it runs on CPU, WebAssembly, \d+ threads?, plain lanes$/)]);
    await checkOutputs(report);
  });

  it("runs on the page's thread elsewhere, and says why in the same line", { timeout: LIMIT }, async () => {
    const report = await page({});
    expect(report).toMatchObject({ isolated: false, target: "wasm", disposed: "SP0621", adapter: "CPU, WebAssembly, the calling thread, plain lanes" });
    expect(report.notices).toEqual([expect.stringMatching(/^no GPU .* the calling thread, plain lanes; no memory can be shared with workers here/)]);
    await checkOutputs(report);
  });
});
