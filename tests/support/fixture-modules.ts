import { ModuleBuilder } from "../../src/ir/builder.ts";
import type { Loc } from "../../src/ir/loc.ts";
import type { Attrs, Module, ValueId } from "../../src/ir/module.ts";
import { SiteTable, type SiteId } from "../../src/ir/sites.ts";

const here: Loc = [{ file: "fixture.spnet", line: 1, column: 1 }];

/** One case of the layers folder, as far as tests read it. */
export interface LayerCase {
  readonly file: string;
  readonly parameters: {
    readonly op: string;
    readonly ndim: number;
    readonly kernel?: readonly number[];
    readonly stride?: readonly number[];
    readonly padding?: readonly number[];
    readonly dilation?: readonly number[];
    readonly cin: number;
    readonly cout?: number;
    readonly bias?: boolean;
    readonly batch_size: number;
    readonly spatial_shape?: readonly number[] | null;
    readonly out_spatial_shape?: readonly number[];
  };
  readonly tolerance: { readonly rel: number };
}

/** A builder with one input `x` on @S and shortcuts for what fixtures need. */
export class NetBuilder {
  readonly b: ModuleBuilder;
  readonly sites: SiteId;
  readonly x: ValueId;

  constructor(axes: number, channels: number, extents?: readonly number[]) {
    const table = new SiteTable();
    this.sites = table.addInput({ kind: "input", name: "S", axes: ["w", "z", "y", "x"].slice(4 - axes), extents });
    this.b = new ModuleBuilder("net", "fixture", table);
    this.x = this.op("input", [], { name: "x", sites: this.sites, channels });
  }

  op(name: string, operands: readonly ValueId[], attrs: Attrs = {}): ValueId {
    return this.b.one(name, operands, attrs, here);
  }

  param(name: string, shape: readonly number[]): ValueId {
    const role = shape.length === 1 ? "channel" : shape.length === 2 ? "linear" : "conv";
    return this.op("param", [], { name, role, layout: "spconv1", shape });
  }

  /** Kernel shape [k…, Cin, Cout] and optional bias as operands. */
  weights(prefix: string, kernel: readonly number[], cin: number, cout: number, bias: boolean): ValueId[] {
    const weight = this.param(`${prefix}weight`, [...kernel, cin, cout]);
    return bias ? [weight, this.param(`${prefix}bias`, [cout])] : [weight];
  }

  bn(x: ValueId, prefix: string, channels: number, eps: number): ValueId {
    const params = ["weight", "bias", "running_mean", "running_var"].map((n) => this.param(`${prefix}.${n}`, [channels]));
    return this.op("bn", [x, ...params], { eps });
  }

  finish(outputs: Readonly<Record<string, ValueId>>): Module {
    for (const [name, value] of Object.entries(outputs)) this.b.output(name, value, here);
    return this.b.finish();
  }
}

/** The net-level module of a layer case. Outputs: `y`, for inverses also `down`. */
export function layerModule(c: LayerCase): Module {
  const p = c.parameters;
  const ones = Array.from({ length: p.ndim }, () => 1);
  const { kernel = ones, stride = ones, padding = ones, dilation = ones, cout = p.cin, bias = false } = p;
  const geometry = { kernel, stride, padding, dilation };
  const minkowski = p.op.endsWith("_me");
  const inverse = p.op === "inverse_conv" || p.op === "transpose_conv_me";
  const extents = minkowski ? undefined : ((inverse ? p.out_spatial_shape : p.spatial_shape) ?? undefined);
  const sites = minkowski ? "floor" : "reach";
  // The input of an inverse is the output of a convolution from `cout` channels of the original features.
  const net = new NetBuilder(p.ndim, inverse ? cout : p.cin, extents);
  switch (p.op) {
    case "subm_conv":
      return net.finish({ y: net.op("subm", [net.x, ...net.weights("", kernel, p.cin, cout, bias)], { kernel, padding, dilation }) });
    case "conv":
    case "conv_me":
      return net.finish({ y: net.op("conv", [net.x, ...net.weights("", kernel, p.cin, cout, bias)], { ...geometry, sites }) });
    case "inverse_conv":
    case "transpose_conv_me": {
      const down = net.op("conv", [net.x, net.param("weight_down", [...kernel, cout, p.cin])], { ...geometry, sites });
      return net.finish({ down, y: net.op("up", [down, ...net.weights("", kernel, p.cin, cout, bias)], { ...geometry, onto: net.sites }) });
    }
    case "global_pool_avg":
    case "global_pool_sum":
      return net.finish({ y: net.op("global_pool", [net.x], { mode: p.op.slice("global_pool_".length) }) });
    case "transpose_conv": {
      const onto = net.b.sites.deriveGenerate(net.sites, geometry, ones.map(() => 0));
      return net.finish({ y: net.op("up", [net.x, ...net.weights("", kernel, p.cin, cout, bias)], { ...geometry, onto }) });
    }
    default: {
      const [, mode = ""] = /^pool_(max|avg|sum)/.exec(p.op) ?? [];
      const divisor = p.op === "pool_avg_full" ? "volume" : "count";
      const y = net.op("pool", [net.x], { mode, ...geometry, dilation: ones, sites, divisor });
      // Zero-initialised max pooling is the max over active inputs and 0.
      return net.finish({ y: p.op === "pool_max0" ? net.op("relu", [y]) : y });
    }
  }
}

/** One case of the networks folder, as far as tests read it. */
export interface NetworkCase {
  readonly file: string;
  readonly network: string;
  readonly spatial_shape: Readonly<Record<string, readonly number[]>>;
  readonly nodes: readonly NetworkNode[];
  readonly output_node: string;
  readonly tolerance: { readonly rel: number };
}

export interface NetworkNode {
  readonly id: string;
  readonly op: string;
  readonly inp: readonly string[];
  readonly level_in: number;
  readonly level_out: number;
  readonly cin: number;
  readonly cout: number;
  readonly kernel?: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly bias?: boolean;
  readonly eps?: number;
}

/** The net-level module of a network case; every node is an output under its id. Sites by the reach rule. */
export function networkModule(c: NetworkCase): Module {
  const dim = c.spatial_shape["0"]!.length;
  const net = new NetBuilder(dim, c.nodes[0]!.cin, c.spatial_shape["0"]);
  const values = new Map<string, ValueId>([["input", net.x]]);
  const dilation = Array.from({ length: dim }, () => 1);
  const levelSites = new Map<number, SiteId>([[0, net.sites]]);
  for (const node of c.nodes) {
    const inputs = node.inp.map((id) => values.get(id)!);
    const { kernel = [], stride = [], padding = [], bias = false } = node;
    const geometry = { kernel, stride, padding, dilation };
    const weighted = (): ValueId[] => [...inputs, ...net.weights(`${node.id}.`, kernel, node.cin, node.cout, bias)];
    const value = buildNode(net, node, inputs, weighted, geometry, levelSites.get(node.level_out));
    const type = net.b.typeOf(value);
    if (type.kind === "feat") levelSites.set(node.level_out, type.sites);
    values.set(node.id, value);
  }
  values.delete("input");
  return net.finish(Object.fromEntries(values));
}

function buildNode(net: NetBuilder, node: NetworkNode, inputs: readonly ValueId[], weighted: () => ValueId[], geometry: Attrs, onto: SiteId | undefined): ValueId {
  switch (node.op) {
    case "subm":
      return net.op("subm", weighted(), { kernel: geometry["kernel"]!, padding: geometry["padding"]!, dilation: geometry["dilation"]! });
    case "conv":
      return net.op("conv", weighted(), { ...geometry, sites: "reach" });
    case "inverse":
      return net.op("up", weighted(), { ...geometry, onto: onto! });
    case "bn":
      return net.bn(inputs[0]!, node.id, node.cout, node.eps!);
    default:
      return net.op(node.op, inputs);
  }
}
