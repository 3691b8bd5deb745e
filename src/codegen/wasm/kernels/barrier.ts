import type { Assembly } from "../assembly.ts";
import { Func } from "../func.ts";
import { i32, type Sexpr } from "../wat.ts";

/** Looks at the generation before a thread goes to sleep: some tens of microseconds. */
const SPINS = 20_000;

/**
 * `barrier(sync, threads)`: returns when all threads have come. sync[0] counts those that came, sync[1] is the
 * generation; whoever waits looks for a while, then sleeps.
 */
export function addBarrier(assembly: Assembly): void {
  const f = new Func("barrier", { exported: true });
  const [sync, threads] = [f.param("sync"), f.param("threads")];
  const generation: Sexpr = ["i32.atomic.load", "offset=4", sync.get];
  const before = f.let("before", generation);
  const came: Sexpr = ["i32.atomic.rmw.add", sync.get, ["i32.const", "1"]];
  f.if(i32.eq(i32.add(came, 1), threads.get), () => {
    f.add(["i32.atomic.store", sync.get, ["i32.const", "0"]]);
    f.add(["drop", ["i32.atomic.rmw.add", "offset=4", sync.get, ["i32.const", "1"]]]);
    f.add(["drop", ["memory.atomic.notify", "offset=4", sync.get, ["i32.const", "-1"]]]);
  }, () => {
    const spins = f.let("spins", 0);
    f.while(i32.eq(generation, before.get), () => {
      f.add(spins.grow(1));
      f.if(i32.geU(spins.get, SPINS), () => f.add(["drop", ["memory.atomic.wait32", "offset=4", sync.get, before.get, ["i64.const", "-1"]]]));
    });
  });
  assembly.add(f, ["waits until all threads have come"]);
}
