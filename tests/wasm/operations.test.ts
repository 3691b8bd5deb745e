import { describe, it } from "vitest";
import { cpuTarget } from "../support/cpu-target.ts";
import { STANDARD } from "../support/differential.ts";
import { fuse } from "../support/plan-runs.ts";
import { useTarget } from "../support/target.ts";
import { checkOperation, operationsSuite, operationText } from "../suites/operations.ts";

const CHANNELS = [1, 3, 5, 16, 17, 130];
/** No sites, one, and around the tiles of 64 rows. */
const ROWS = [0, 1, 63, 64, 65, 129];

// Each width once as input and once as output: column tiles of 16, what is left over, and groups of 128.
operationsSuite(cpuTarget, CHANNELS.map((c, i) => [c, CHANNELS[(i + 1) % CHANNELS.length]!] as const), ROWS);

describe("multiplications fused with their epilogues", () => {
  const target = useTarget(cpuTarget);

  it.each(CHANNELS.flatMap((c) => CHANNELS.map((d) => [c, d] as const)))("%d channels to %d", async (c, d) => {
    const body = `a |> conv(${d}, k=3, s=2, p=1, w="d") |> sigmoid
  let s = a |> subm(${d}, k=3, w="s") |> bn(w="sn") |> relu
  let t = s |> subm(${d}, k=3, w="t", bias=true)
  let u = (s + t) |> leaky_relu(0.1)
  output up = a |> conv(${c}, k=2, s=2, w="e") |> up(${d}, w="u", bias=true) |> relu
  output rows = a |> linear(${d}, w="l", bias=true) |> relu
  output both = cat(u, a) |> subm(${d}, k=[1, 3], w="b") |> relu |> linear(${c}, w="m")
  output gate = (a |> linear(${d}, w="g") |> sigmoid) * u`;
    await checkOperation(target(), operationText(c, body), ROWS, (module) => fuse(module, STANDARD));
  });
});
