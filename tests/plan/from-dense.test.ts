import { describe, it } from "vitest";
import { expectPlan } from "../support/expect-plan.ts";
import { gridInputs, gridNet } from "../support/grid-nets.ts";
import { pipelines } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";
import { randomInputs } from "../support/differential.ts";

describe("between dense tensors and sparse features, by the executor of plans", () => {
  it.each(pipelines)("%s: as the interpreter says, also where rows are stored as halves", (_name, pipeline) => {
    for (const [dim, channels] of [[2, 3], [3, 4]] as const) expectPlan(gridNet(dim, channels), pipeline, gridInputs(dim, channels, 30, -0.2), 3);
  });

  it.each(pipelines)("%s: dense inputs, interpolation, windows that stick out, and a field that is filled", (_name, pipeline) => {
    const net = netFromText(`spnet 1
net N {
  input img : dense[3, 9, 7]
  sites S : (z: 3, y: 9, x: 7) ground=[0.5, -1]
  input a : feat[S, 2]
  let v = a |> subm(3, k=1, bias=true) |> sigmoid
  output fine = img |> upsample([2, 3], mode=bilinear) |> relu
  output corners = img |> upsample(2, mode=linear, align_corners=true)
  output pooled = img |> avg_pool(k=4, s=2, p=1, ceil=true)
  output volume = v |> to_dense |> conv3d(2, k=3, p=1)
  output folded = cat(v |> to_dense(fold="z"), img) |> conv2d(4, k=3, p=1, bias=true)
}
`);
    expectPlan(net, pipeline, randomInputs(net.module, 3, 40, 2), 2);
  });
});
