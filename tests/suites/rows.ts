import { describe, expect, it } from "vitest";
import { cloud, netFromText } from "../support/source-net.ts";
import { pipelines } from "../support/plan-runs.ts";
import { expectRun, wantedOf, type Inputs } from "../support/differential.ts";
import { openNet, useTarget, type OpenTarget } from "../support/target.ts";

const AXES = ["w", "z", "y", "x"];
const EXTENTS = [[40], [13, 11], [7, 9, 8], [5, 6, 5, 7]] as const;
const BATCH = 4;

const POOLS = [
  "max_pool(k=3, p=1, sites=same)", "max_pool(k=2, s=2, sites=floor)", "max_pool(k=3, s=2, p=1, sites=reach)", "max_pool(k=3, s=2, p=1, sites=floor)",
  "avg_pool(k=3, s=2, p=1, sites=reach, divisor=count)", "avg_pool(k=3, s=2, p=0, sites=floor, divisor=volume)", "avg_pool(k=3, p=2, d=2, sites=same, divisor=count)",
  "sum_pool(k=2, s=2, sites=reach)", "sum_pool(k=3, p=1, sites=reach)",
];

const NETS: Readonly<Record<string, string>> = {
  "pools of the input": POOLS.map((pool, i) => `output p${i} = x |> ${pool}`).join("\n  "),
  "pools of pools, and back up": `let a = x |> max_pool(k=2, s=2, sites=floor)
  let b = a |> avg_pool(k=2, s=2, sites=floor, divisor=count)
  output fine = b |> up(4, onto=a) |> up(2, onto=x)
  output coarse = b`,
  "unpooled": `let a = x |> max_pool(k=2, s=2, sites=floor, clamp0=true)
  let b = x |> sum_pool(k=3, s=2, p=1, sites=reach)
  let c = b |> avg_pool(k=3, s=2, p=0, sites=floor, divisor=volume)
  output clamped = a
  output once = a |> unpool(k=2)
  output sums = b |> unpool(onto=x, mode=sum) |> leaky_relu
  output means = c |> unpool(mode=avg) |> unpool(mode=avg)`,
  "global pools of the caller's rows and of derived ones": `let c = x |> conv(7, k=3, s=2, p=1, sites=reach)
  output a = x |> global_max_pool
  output b = x |> global_avg_pool
  output s = x |> global_sum_pool
  output ca = c |> global_max_pool
  output cb = c |> global_avg_pool
  output cs = c |> global_sum_pool |> linear(9, bias=true, w="fc") |> relu`,
  "rows": `let a = x |> linear(6, w="a") |> leaky_relu(slope=0.2)
  let b = x |> linear(6, bias=true, w="b") |> sigmoid
  let g = a * b
  let m = cat(g, x, a)
  output joined = m
  output y = m |> bn(w="n") |> relu |> linear(3, w="c") |> leaky_relu(slope=-0.5)
  output z = (a + b + g) * g`,
  "layers without an activation between": `let e = x |> linear(9, w="e") |> subm(5, k=3, bias=true, w="s")
  let n = e + (e |> bn(w="m") |> linear(5, bias=true, w="l"))
  let j = cat(n |> subm(3, k=3, w="j"), e |> linear(2, w="k"))
  output joined = j
  output y = j |> bn(w="n") |> relu |> conv(12, k=3, s=2, p=1, sites=reach, w="c") |> bn(w="o") |> linear(4, bias=true, w="p")
  output z = e |> linear(8, w="q") |> linear(2, bias=true, w="r")
  output w = n |> linear(6, bias=true, w="t") |> subm(2, k=3, w="u")`,
  "norms, gates and shares": `let c = x |> conv(6, k=3, s=2, p=1, sites=reach)
  let g = broadcast(c, c |> global_avg_pool |> linear(6, bias=true, w="g") |> sigmoid, by=product)
  output gated = relu(g + c)
  output item = broadcast(x, c |> global_max_pool, by=cat) |> group_norm(3, w="gn") |> relu
  output whole = x |> bn(stats=batch, eps=0.1, w="bn") |> linear(5, w="l") |> log_softmax
  output each = c |> instance_norm(eps=0.1, w="in") |> leaky_relu
  output vectors = c |> global_sum_pool |> bn(stats=batch, affine=false, eps=0.1) |> softmax`,
  "joined vectors": `let v = x |> global_max_pool
  let u = x |> global_avg_pool |> sigmoid
  output y = cat(u, v, u * v) |> bn(w="n") |> linear(5, bias=true, w="c") |> leaky_relu
  output w = cat(v, u)`,
};

const SCENES = (dim: number): readonly (readonly [string, Inputs])[] => {
  const box = EXTENTS[dim - 1]!;
  const many = cloud(dim, 45, BATCH - 1, box, 3);
  return [
    // Item 1 moves to the last place: it has no rows, so means and maxima over nothing are asked for.
    ["an item without rows", { x: { ...many, coords: many.coords.map((v, i) => (i % (dim + 1) === 0 && v === 1 ? BATCH - 1 : v)) } }],
    ["one site", { x: cloud(9 + dim, 1, BATCH, box, 3) }],
    ["nothing", { x: { coords: new Int32Array(0), features: new Float32Array(0) } }],
  ];
};

/** Pools, global pools and what works row by row, in one to four dimensions and on several batch items, one of them empty; dense results. */
export function rowsSuite(open: OpenTarget): void {
  const target = useTarget(open);

  describe.each(Object.entries(NETS))("%s", (_name, body) => {
    it.each([1, 2, 3, 4])("in %d dimensions", async (dim) => {
      for (const bounded of [true, false]) {
        const axes = AXES.slice(0, dim).map((axis, a) => (bounded ? `${axis}: ${EXTENTS[dim - 1]![a]}` : axis));
        const net = netFromText(`spnet 1\nnet N {\n  sites S : (${axes.join(", ")})\n  input x : feat[S, 3]\n  ${body}\n}\n`);
        for (const index of [0, 2]) {
          const [name, pipeline] = pipelines[index]!;
          const network = await openNet(target(), net, pipeline);
          for (const [what, given] of SCENES(dim)) {
            const inputs = bounded ? given : { x: { ...given["x"]!, coords: given["x"]!.coords.map((v, i) => (i % (dim + 1) === 0 ? v : v - 6)) } };
            await expectRun(network, inputs, BATCH, wantedOf(net, inputs, BATCH), `${name}, ${what},`);
          }
          network.dispose();
        }
      }
    });
  });

  it("dense results hold zero where no site is, with and without a folded axis", async () => {
    for (const dim of [1, 2, 3, 4]) {
      const axes = AXES.slice(0, dim).map((axis, a) => `${axis}: ${EXTENTS[dim - 1]![a]}`);
      const outputs = ["output all = x |> to_dense", ...AXES.slice(0, dim).map((axis) => `output ${axis} = c |> to_dense(fold="${axis}")`)].join("\n  ");
      const net = netFromText(`spnet 1\nnet N {\n  sites S : (${axes.join(", ")})\n  input x : feat[S, 3]\n  let c = x |> conv(5, k=3, s=2, p=1, sites=reach) |> relu\n  ${outputs}\n  output normed = c |> instance_norm(affine=false, eps=0.1) |> to_dense\n  output gated = broadcast(x, x |> global_max_pool, by=sum) |> relu |> to_dense\n}\n`);
      const network = await openNet(target(), net);
      for (const [what, inputs] of SCENES(dim)) {
        const got = await expectRun(network, inputs, BATCH, wantedOf(net, inputs, BATCH), what);
        if (what === "nothing") expect(Object.values(got).every((o) => !("rows" in o) && o.data.every((v) => v === 0))).toBe(true);
      }
      network.dispose();
    }
  });
}
