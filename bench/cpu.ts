/**
 * The CPU target against the fastest native systems, on the clouds of the shared folder. `npm run bench:cpu -- OPTIONS`:
 *
 *   --threads N                  worker threads (default 1)
 *   --lanes wide|plain           joined lanes need Node 24 or later (default plain)
 *   --arithmetic strict|fused    (default strict)
 *   --only PART,…                peak, dense, layers, map, networks (the default), steps, threads, scale, pairs, zeros
 *   --blas GFLOPS                what a dense float32 product of OpenBLAS reaches here on one thread; native times, taken on
 *                                a machine where that is 248, are scaled by it
 *   --cloud NAME  --runs N  --data DIR  --json FILE
 *
 * Medians. The register-only peak of the same run says how fast the machine is.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../src/cli/version.ts";
import { chooseLanes } from "../src/runtime/cpu/lanes.ts";
import { Context, NATIVE_DENSE, row } from "./cpu/context.ts";
import { benchDense, benchLayers, benchMap, benchScale, benchThreads } from "./cpu/layers.ts";
import { benchNetworks } from "./cpu/networks.ts";
import { benchPairs } from "./cpu/pairs.ts";
import { measurePeak } from "./cpu/peak.ts";
import { benchZeros } from "./cpu/zeros.ts";

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    lanes: { type: "string", default: "plain" },
    arithmetic: { type: "string", default: "strict" },
    only: { type: "string", default: "peak,dense,layers,map,networks" },
    data: { type: "string", default: join(packageRoot(), "..", "shared", "data", "bench") },
    blas: { type: "string" },
    cloud: { type: "string" },
    runs: { type: "string", default: "7" },
    json: { type: "string" },
  },
});

const lanes = chooseLanes(options.lanes === "wide" ? "wide" : "plain");
const ctx = new Context(Number(options.threads), lanes, options.arithmetic === "fused" ? "fused" : "strict", Number(options.runs), options.data, options.blas === undefined ? undefined : Number(options.blas));
const parts = new Set(options.only.split(","));

console.log(`Node ${process.version}, ${ctx.threads} threads, ${lanes} lanes, ${ctx.arithmetic} arithmetic, medians of ${ctx.runs} runs${options.blas === undefined ? "" : `; native times × ${(NATIVE_DENSE / Number(options.blas)).toFixed(2)}`}`);
if (parts.has("peak")) {
  ctx.peak = await measurePeak(ctx.threads, lanes);
  row("products and sums in registers", "", ctx.peak.toFixed(1));
  ctx.figures.push({ peak: ctx.peak });
}
if (parts.has("dense")) await benchDense(ctx);
if (parts.has("layers")) await benchLayers(ctx);
if (parts.has("map")) await benchMap(ctx);
if (parts.has("networks") || parts.has("steps")) await benchNetworks(ctx, parts.has("steps"), options.cloud);
if (parts.has("threads")) await benchThreads(ctx);
if (parts.has("scale")) await benchScale(ctx);
if (parts.has("pairs")) await benchPairs(ctx);
if (parts.has("zeros")) await benchZeros(ctx);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ node: process.version, threads: ctx.threads, lanes, arithmetic: ctx.arithmetic, figures: ctx.figures }, null, 2)}\n`);
