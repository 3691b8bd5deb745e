import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compileSource, type CompileOptions } from "../../src/ir/from-source.ts";
import { number, numbers, string, typeOf, type Module, type Op } from "../../src/ir/module.ts";
import { printType } from "../../src/ir/types.ts";
import { verify } from "../../src/ir/verify.ts";
import { acceptedShape, storedShape } from "../../src/runtime/load.ts";
import { fixtureFolder, readFixture } from "../support/safetensors.ts";

const folder = new URL("../../examples/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".spnet"));
const readFile = (path: string): string | undefined => {
  const name = path.replace("examples/", "");
  return names.includes(name) ? readFileSync(new URL(name, folder), "utf8") : undefined;
};

function compile(name: string, options: Omit<CompileOptions, "readFile"> = {}): Module {
  const { module, diagnostics } = compileSource(`examples/${name}.spnet`, { readFile, ...options });
  expect(diagnostics).toEqual([]);
  return module!;
}

const opsOf = (module: Module, ...kinds: readonly string[]): readonly Op[] => module.ops.filter((op) => kinds.includes(op.name));
const isPointwise = (op: Op): boolean => numbers(op.attrs, "kernel").every((k) => k === 1);
const outputs = (module: Module): readonly string[] => module.outputs.map((o) => `${o.name}: ${printType(typeOf(module, o.value))}`);
const params = (module: Module): ReadonlyMap<string, readonly number[]> => new Map(opsOf(module, "param").map((op) => [string(op.attrs, "name"), numbers(op.attrs, "shape")]));

describe("every example", () => {
  test.each(names)("%s compiles without a word, and has a place for every op", (name) => {
    const { module, diagnostics, nets } = compileSource(`examples/${name}`, { readFile });
    expect(diagnostics).toEqual([]);
    if (nets.length === 0) return;
    expect(verify(module!)).toEqual([]);
    for (const op of module!.ops) expect(op.loc.length).toBeGreaterThan(0);
  });
});

interface Expectation {
  readonly name: string;
  /** Spatial convolutions, pointwise ones, and `linear`. */
  readonly spatial: number;
  readonly pointwise: number;
  readonly linear?: number;
  readonly outputs: readonly string[];
  readonly weights: readonly string[];
}

const expectations: readonly Expectation[] = [
  { name: "second", spatial: 12, pointwise: 0, outputs: ["bev: dense<[256, 200, 176], f32>"], weights: ["conv_input.0.weight", "conv1.0.0.weight", "conv2.0.0.weight", "conv4.2.1.running_var", "conv_out.0.weight"] },
  { name: "second_bev", spatial: 12 + 2 * 6 + 1, pointwise: 1 + 3, outputs: ["cls: dense<[18, 200, 176], f32>", "box: dense<[42, 200, 176], f32>", "dir: dense<[12, 200, 176], f32>"], weights: ["backbone_3d.conv4.2.1.running_var", "backbone_2d.blocks.0.1.weight", "backbone_2d.blocks.1.17.running_mean", "backbone_2d.deblocks.1.0.weight", "dense_head.conv_dir_cls.bias"] },
  { name: "centerpoint", spatial: 21, pointwise: 0, outputs: ["bev: dense<[256, 180, 180], f32>"], weights: ["conv_input.0.weight", "conv1.1.conv2.bias", "conv2.0.weight", "conv2.1.running_mean", "conv4.4.bn2.weight", "extra_conv.0.weight"] },
  {
    name: "centerpoint_bev", spatial: 21 + 2 * 6 + 1 + 1 + 2 * 6 * 6, pointwise: 1,
    outputs: ["center: dense<[12, 180, 180], f32>", "center_z: dense<[6, 180, 180], f32>", "dim: dense<[18, 180, 180], f32>", "rot_vel: dense<[24, 180, 180], f32>", "hm: dense<[10, 180, 180], f32>"],
    weights: [
      "backbone_3d.conv_input.0.weight", "backbone_3d.conv1.0.conv1.bias", "backbone_3d.conv4.2.bn2.running_var", "backbone_3d.conv_out.1.running_mean", "backbone_2d.blocks.1.17.running_mean", "backbone_2d.deblocks.1.0.weight",
      "dense_head.shared_conv.0.bias", "dense_head.shared_conv.1.running_var", "dense_head.heads_list.0.center.0.0.bias", "dense_head.heads_list.3.vel.0.1.running_mean", "dense_head.heads_list.5.hm.1.weight", "dense_head.heads_list.5.hm.1.bias",
    ],
  },
  { name: "minkunet18", spatial: 41, pointwise: 8, outputs: ["logits: feat<@S, 20, f32>"], weights: ["conv0p1s1.kernel", "bn0.bn.weight", "conv4p8s2.kernel", "block2.0.downsample.1.bn.running_var", "convtr4p16s2.kernel", "bntr7.bn.bias", "block8.1.norm2.bn.weight", "final.kernel", "final.bias"] },
  { name: "minkunet34", spatial: 1 + 8 + 2 * 23, pointwise: 8, outputs: ["logits: feat<@S, 20, f32>"], weights: ["block4.5.conv2.kernel", "convtr7p2s2.kernel"] },
  { name: "sparse_resunet42", spatial: 42, pointwise: 7, outputs: ["coarse: feat<@S/16, 256, f32>", "features: feat<@S, 96, f32>"], weights: ["stem.0.kernel", "stem.4.running_var", "encoders.3.0.0.kernel", "encoders.1.1.shortcut.0.kernel", "decoders.0.upsample.0.kernel", "decoders.3.fuse.1.main.4.weight"] },
  { name: "cylinder3d", spatial: 40 + 4 + 4, pointwise: 0, outputs: ["logits: feat<@S, 20, f32>"], weights: ["downCntx.conv1.weight", "downCntx.bn0_2.weight", "resBlock5.pool.weight", "upBlock0.trans_dilao.weight", "upBlock3.up_subm.weight", "ReconNet.bn0_3.running_mean", "logits.bias"] },
  { name: "second_points", spatial: 12, pointwise: 0, outputs: ["bev: dense<[256, 200, 176], f32>"], weights: ["conv_input.0.weight", "conv4.2.1.running_var", "conv_out.0.weight"] },
  { name: "spvcnn", spatial: 2 + 4 * 5 + 4 * 5, pointwise: 7, linear: 4, outputs: ["scores: feat<@P, 19, f32>"], weights: ["stem.0.kernel", "stage1.0.net.0.kernel", "stage2.1.downsample.0.kernel", "up4.1.1.net.4.running_var", "point_transforms.2.0.bias", "classifier.0.weight"] },
  { name: "strokes2d", spatial: 9, pointwise: 0, linear: 2, outputs: ["scores: vec<@S, 10, f32>"], weights: ["stem.conv.weight", "level96.down.weight", "head.bias"] },
  { name: "senet", spatial: 1 + 4 * 2, pointwise: 4, linear: 4 * 2 + 1, outputs: ["scores: vec<@S, 40, f32>"], weights: ["conv1.1.weight", "layer1.0.conv1.kernel", "layer2.0.se.fc.0.linear.weight", "layer4.0.norm2.bn.running_var", "layer4.0.downsample.1.bn.weight", "final.linear.bias"] },
  { name: "deepcnet", spatial: 6, pointwise: 0, linear: 1, outputs: ["scores: feat<@S/32~2, 10, f32>"], weights: ["conv0.weight", "conv5.bias", "output.bias"] },
  { name: "image_pen", spatial: 8, pointwise: 0, linear: 1, outputs: ["scores: vec<@grid.96x96, 10, f32>"], weights: ["image.weight", "image_bn.running_var", "stem.weight", "down64.conv.weight", "same64.bn.weight", "fc.bias"] },
  { name: "nmnist", spatial: 1 + 11, pointwise: 2 * 11 + 1, linear: 1, outputs: ["scores: vec<@S, 10, f32>"], weights: ["conv1.conv.kernel", "blocks.0.conv2.conv.kernel", "blocks.10.conv3.bn.bn.running_var", "conv8.conv.kernel", "fc.weight"] },
  { name: "dvs_gesture", spatial: 1 + 11, pointwise: 2 * 11 + 1, linear: 1, outputs: ["scores: vec<@S, 11, f32>"], weights: ["conv1.bn.bn.weight", "blocks.10.conv1.conv.kernel", "fc.weight"] },
  { name: "nmnist_int8", spatial: 1 + 11, pointwise: 2 * 11 + 1, linear: 1, outputs: ["sums: vec<@S, 10, i32>", "scores: vec<@S, 10, f32>"], weights: ["weights.conv1.six", "weights.blocks.2.identity_multiplier", "weights.blocks.10.conv3.multiplier", "weights.before_final.multiplier", "weights.fc.weight", "scale.fc"] },
  { name: "dvs_gesture_int8", spatial: 1 + 11, pointwise: 2 * 11 + 1, linear: 1, outputs: ["sums: vec<@S, 11, i32>", "scores: vec<@S, 11, f32>"], weights: ["weights.blocks.10.conv2.bias", "weights.output.multiplier", "scale.output"] },
  { name: "eye_tracking_int8", spatial: 1 + 17, pointwise: 2 * 17 + 1, outputs: ["features: feat<@S/32, 640, i8>", "pooled: vec<@S, 640, i32>"], weights: ["weights.conv1.scale", "weights.block_16.0.weight", "weights.block_15.id_scale", "weights.conv8.bias"] },
  { name: "see_a_int8", spatial: 1 + 7, pointwise: 2 * 7 + 1, outputs: ["features: feat<@S/16, 128, i8>", "pooled: vec<@S, 128, i32>"], weights: ["weights.block_0.1.weight", "weights.block_6.id_scale", "weights.conv8.scale"] },
  { name: "completion", spatial: 1 + 2 * 2 + 2 * 2, pointwise: 0, linear: 2, outputs: ["shape: feat<@S/1~3, 16, f32>", "occupancy: feat<@S/1~2, 1, f32>"], weights: ["enc_block_s1.0.kernel", "enc_block_s1s2.3.kernel", "dec_block_s4s2.0.kernel", "dec_block_s2s1.4.bn.running_var", "dec_s2_cls.kernel", "dec_s1_cls.bias"] },
  { name: "rgbd", spatial: 1 + 2 * 7 + 6, pointwise: 0, linear: 4, outputs: ["logits: feat<@S, 13, f32>"], weights: ["stem.weight", "decoder.1.project.weight", "up.0.weight", "decoder.0.conv2.weight", "head.linear.bias"] },
];

describe("networks", () => {
  test.each(expectations)("$name has the convolutions, outputs and weights of its paper", ({ name, spatial, pointwise, linear = 0, outputs: expected, weights }) => {
    const module = compile(name);
    const convolutions = opsOf(module, "subm", "conv", "up");
    expect([convolutions.filter((op) => !isPointwise(op)).length, convolutions.filter(isPointwise).length, opsOf(module, "linear").length]).toEqual([spatial, pointwise, linear]);
    expect(outputs(module)).toEqual(expected);
    expect([...params(module).keys()]).toEqual(expect.arrayContaining([...weights]));
  });

  test("every network is in this list", () => {
    const nets = names.filter((name) => compileSource(`examples/${name}`, { readFile }).nets.length > 0).map((name) => name.replace(".spnet", ""));
    expect(nets).toEqual([...expectations].map((e) => e.name).sort());
  });

  test("SECOND uses the epsilon of OpenPCDet", () => {
    expect(opsOf(compile("second"), "bn").map((op) => number(op.attrs, "eps"))).toEqual(Array.from({ length: 12 }, () => 1e-3));
  });

  test("SparseResUNet42 reads the flat kernels of TorchSparse", () => {
    const conv = opsOf(compile("sparse_resunet42"), "param").filter((op) => string(op.attrs, "role") === "conv");
    for (const { attrs } of conv) {
      const shape = numbers(attrs, "shape");
      const op = { role: "conv", layout: string(attrs, "layout"), shape };
      const taps = shape[0]! * shape[1]! * shape[2]!;
      const stored = taps === 1 ? shape.slice(3) : [taps, ...shape.slice(3)];
      expect(acceptedShape(op, stored, storedShape(op)), string(attrs, "name")).toBe(true);
      expect(op.layout).toBe(taps % 2 === 1 ? "minkowski" : "spconv1");
    }
  });

  test("Cylinder3D strides the height only twice", () => {
    expect(opsOf(compile("cylinder3d"), "conv").map((op) => numbers(op.attrs, "stride"))).toEqual([[2, 2, 2], [2, 2, 2], [2, 2, 1], [2, 2, 1]]);
  });
});

const fixtures = fixtureFolder("networks");
if (fixtures !== undefined) {
  test.each([
    ["second", "voxelbackbone8x_kitti17k", { layout: "spconv1" }],
    ["minkunet18", "minkunet18_quarter_4k", { layout: "spconv1", params: { init: 8, planes: [8, 16, 32, 64, 64, 32, 24, 24] } }],
  ] as const)("%s asks for the weights of %s, name by name and shape by shape", (name, file, options) => {
    const stored = [...readFixture(`${fixtures}${file}.safetensors`)].filter(([key]) => key.startsWith("weights.")).map(([key, tensor]) => [key.slice("weights.".length), tensor.shape] as const);
    expect(stored.length).toBeGreaterThan(50);
    expect(new Map(params(compile(name, options)))).toEqual(new Map(stored));
  });
}
