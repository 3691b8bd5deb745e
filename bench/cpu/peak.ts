import { Assembly } from "../../src/codegen/wasm/assembly.ts";
import { assembleWat } from "../../src/codegen/wasm/assemble.ts";
import { addBarrier } from "../../src/codegen/wasm/kernels/barrier.ts";
import { UnitFunc } from "../../src/codegen/wasm/kernels/frame.ts";
import { f32x4, i32, v128 } from "../../src/codegen/wasm/wat.ts";
import { Engine } from "../../src/runtime/cpu/engine.ts";
import { webAssembly } from "../../src/runtime/cpu/wasm.ts";

/** Sums in registers at once: enough to hide the latency of a product and a sum, plain (12) and joined in pairs (24). */
const SUMS = [12, 24] as const;
const ROUNDS = 200_000;

/**
 * The most products and sums that a thread can do: a = a·x + b in registers, as many of them as hide the latency. No
 * memory is touched. GFLOP/s by number of threads.
 */
export async function measurePeak(threads: number, lanes: "wide" | "plain"): Promise<number> {
  const assembly = new Assembly();
  addBarrier(assembly);
  for (const sums of SUMS) addPeak(assembly, sums);
  const module = await webAssembly!.compile(await assembleWat(assembly.text()));
  const engine = new Engine(module, { lanes, threads, scratch: 4096, heap: assembly.dataEnd });
  await engine.warm();
  let best = 0;
  for (const sums of SUMS) {
    for (let run = 0; run < 8; run++) {
      const units = 16 * threads;
      const start = performance.now();
      await engine.run([{ name: `peak${sums}`, units, words: [0] }]);
      best = Math.max(best, (units * ROUNDS * sums * 8) / 1e6 / (performance.now() - start));
    }
  }
  engine.dispose();
  return best;
}

function addPeak(assembly: Assembly, count: number): void {
  const s = new UnitFunc(`peak${count}`);
  const { f } = s;
  const x = f.let("x", v128.load(s.scratch.get), "v128");
  const b = f.let("b", v128.load(s.scratch.get, 16), "v128");
  const sums = Array.from({ length: count }, (_, i) => f.let(`sum${i}`, v128.load(s.scratch.get, 64 + 16 * i), "v128"));
  s.eachUnit(() => {
    const round = f.local("round");
    f.for(round, 0, ROUNDS, 1, () => {
      for (const sum of sums) f.add(sum.set(f32x4.add(f32x4.mul(sum.get, x.get), b.get)));
    });
    sums.forEach((sum, i) => f.add(v128.store(s.scratch.get, sum.get, 64 + 16 * i)));
    f.add(i32.store(s.scratch.get, 0));
  });
  assembly.add(f, ["products and sums in registers"]);
}
