/** Ways to write each operation of the language, for the table of docs/COVERAGE.md. */
import { dialects } from "../../src/ir/surface/dialects.ts";
import { surfaceOps } from "../../src/ir/surface/registry.ts";
import type { SurfaceOp, SurfaceParameter } from "../../src/ir/surface/op.ts";

/** What a form is written for. Channels are even, so that groups of two divide them. */
export interface Setting {
  readonly dialect: string | undefined;
  readonly axes: readonly string[];
  /** The features it starts from, and their channels. */
  readonly x: string;
  readonly c: number;
  /** Channels of its result, and another number of them. */
  readonly d: number;
  readonly e: number;
}

export interface Form {
  readonly name: string;
  /** An expression of the language. */
  readonly text: (s: Setting) => string;
  /** The grid must have extents. */
  readonly bounded?: true;
  /** The code with which the language refuses it, if it does; what is refused is no part of what must run. */
  readonly refused?: (s: Setting) => string | undefined;
  /** Nobody knows whether the language has it; where it does, it must run. */
  readonly tried?: true;
  /** It starts from sites of its own, since it looks for the step that led to where it is. */
  readonly alone?: true;
  /** It starts from points: `x` is on them, and `V` and its name are their voxels. */
  readonly points?: true;
}

type Text = Form["text"];
type Extra = Partial<Pick<Form, "bounded" | "refused" | "tried" | "alone" | "points">>;

/** For forms on points. */
const points = { points: true } as const;
const voxels = ({ x }: Setting): string => `V${x}`;

/** For forms that reverse a step. */
const back = { alone: true } as const;

const form = (name: string, text: Text, extra: Extra = {}): Form => ({ name, text, ...extra });

/** As many of the numbers as there are axes. */
const per = ({ axes }: Setting, ...numbers: readonly number[]): string => `[${axes.map((_, a) => numbers[a % numbers.length]).join(", ")}]`;
const down = (s: Setting, channels: number): string => `${s.x} |> conv(${channels}, k=2, s=2)`;
const vector = (s: Setting): string => `${s.x} |> global_sum_pool`;
const uneven = (s: Setting): string => `k=${per(s, 3, 2, 1, 2)}, s=${per(s, 2, 1, 3)}, p=${per(s, 1, 0)}, d=${per(s, 1, 2)}`;
const divisor = (s: Setting, name: string): string => (name === "avg_pool" && s.dialect === undefined ? ", divisor=count" : "");
const oneGroup = (): string => "SP0447";

const pool = (name: string, ...more: readonly Form[]): readonly [string, readonly Form[]] => [name, [
  form("by the dialect", (s) => `${s.x} |> ${name}(k=2, s=2${divisor(s, name)})`),
  form("on sites that are reached", (s) => `${s.x} |> ${name}(${uneven(s)}, sites=reach${divisor(s, name)})`),
  form("on the floor", (s) => `${s.x} |> ${name}(k=3, s=2, p=1, sites=floor, shape=box${divisor(s, name)})`),
  form("on the same sites", (s) => `${s.x} |> ${name}(k=3, d=2, sites=same${divisor(s, name)})`),
  form("onto other sites", (s) => `${s.x} |> ${name}(k=3, s=2, p=1, onto=${down(s, 1)}${divisor(s, name)})`),
  form("cross", (s) => `${s.x} |> ${name}(k=5, s=2, p=2, sites=floor, shape=cross${divisor(s, name)})`),
  form("of a dense tensor", (s) => `${s.x} |> to_dense |> ${name}(k=3, s=2, p=1)`, { bounded: true }),
  form("of a dense tensor, with windows that stick out", (s) => `${s.x} |> to_dense |> ${name}(k=3, s=2, ceil=true)`, { bounded: true }),
  ...more,
]];

const WRITTEN: ReadonlyMap<string, readonly Form[]> = new Map<string, readonly Form[]>([
  ["subm", [
    form("odd", (s) => `${s.x} |> subm(${s.d}, k=3, shape=box)`),
    form("one size per axis, dilated", (s) => `${s.x} |> subm(${s.e}, k=${per(s, 3, 1, 5)}, d=${per(s, 2, 1)}, bias=true)`),
    form("even", (s) => `${s.x} |> subm(${s.e}, k=2${s.dialect === undefined ? ", p=1" : ""})`, { refused: (s) => (s.dialect === "spconv" ? "SP0411" : undefined) }),
    form("cross", (s) => `${s.x} |> subm(${s.d}, k=5, shape=cross)`),
    form("in groups", (s) => `${s.x} |> subm(${s.d}, k=3, groups=2, bias=true)`),
    form("depthwise", (s) => `${s.x} |> subm(${s.c}, k=3, groups=${s.c})`),
    form("cross in groups", (s) => `${s.x} |> subm(${s.d}, k=3, groups=2, shape=cross)`, { refused: oneGroup }),
  ]],
  ["conv", [
    form("by the dialect", (s) => down(s, s.d)),
    form("on sites that are reached", (s) => `${s.x} |> conv(${s.e}, ${uneven(s)}, sites=reach, bias=true)`),
    form("on sites that grow", (s) => `${s.x} |> conv(${s.e}, k=3, p=1, sites=reach)`),
    form("on the floor", (s) => `${s.x} |> conv(${s.d}, k=3, s=2, p=1, sites=floor, bias=true)`),
    form("on the same sites", (s) => `${s.x} |> conv(${s.e}, k=3, sites=same, shape=box)`),
    form("onto other sites", (s) => `${s.x} |> conv(${s.d}, k=3, s=2, p=1, onto=${down(s, 1)})`),
    form("cross", (s) => `${s.x} |> conv(${s.d}, k=3, s=2, p=1, sites=floor, shape=cross)`),
    form("in groups", (s) => `${s.x} |> conv(${s.d}, k=3, s=2, p=1, sites=reach, groups=2, bias=true)`),
    form("cross in groups", (s) => `${s.x} |> conv(${s.d}, k=3, s=2, p=1, sites=floor, groups=2, shape=cross)`, { refused: oneGroup }),
  ]],
  ["up", [
    form("back", (s) => `${down(s, s.e)} |> up(${s.d})`, back),
    form("by its kernel", (s) => `${s.x} |> conv(${s.d}, k=3, s=2, p=1, sites=floor) |> up(${s.e}, k=3, bias=true)`, back),
    form("onto other sites", (s) => `${down(s, s.d)} |> up(${s.d}, k=2, onto=${s.x} |> conv(1, k=${per(s, 3, 1, 1, 1)}, p=${per(s, 1, 0, 0, 0)}, sites=reach))`, back),
    form("in groups", (s) => `${down(s, s.d)} |> up(${s.d}, groups=2)`, back),
  ]],
  ["deconv", [
    form("by the dialect", (s) => `${s.x} |> deconv(${s.d}, k=2, s=2)`),
    form("padded", (s) => `${s.x} |> deconv(${s.e}, k=3, s=2, p=1, bias=true)`),
    form("dilated, one size per axis", (s) => `${s.x} |> deconv(${s.e}, k=${per(s, 2, 3, 1)}, s=${per(s, 2, 1)}, p=0, d=${per(s, 1, 2)})`),
    form("with cells behind the last one", (s) => `${s.x} |> deconv(${s.e}, k=3, s=2, p=1, output_padding=1)`, { bounded: true }),
    form("in groups", (s) => `${s.x} |> deconv(${s.d}, k=2, s=2, groups=2)`),
  ]],
  ["linear", [
    form("of rows", (s) => `${s.x} |> linear(${s.e}, bias=true, stored=weight)`),
    form("of vectors", (s) => `${vector(s)} |> linear(${s.d}, stored=kernel)`),
    form("of points", (s) => `${s.x} |> linear(${s.d})`, points),
  ]],
  ["bn", [
    form("of rows", (s) => `${s.x} |> bn(stats=stored)`),
    form("of vectors", (s) => `${vector(s)} |> bn(eps=0.25)`),
    form("by the rows of the run", (s) => `${s.x} |> bn(stats=batch)`),
    form("by all points", (s) => `${s.x} |> bn(stats=batch)`, points),
    form("by the rows of the run, without weights", (s) => `${s.x} |> bn(stats=batch, affine=false)`),
  ]],
  ["softplus", [form("of rows", (s) => `${s.x} |> softplus(beta=2)`), form("of vectors", (s) => `${vector(s)} |> softplus(threshold=3)`)]],
  ["instance_norm", [form("with weights", (s) => `${s.x} |> instance_norm(eps=0.25)`), form("without", (s) => `${s.x} |> instance_norm(affine=false)`), form("of a dense tensor", (s) => `${s.x} |> to_dense |> instance_norm`, { bounded: true })]],
  ["group_norm", [form("with weights", (s) => `${s.x} |> group_norm(2, eps=0.25)`), form("a group per channel, without weights", (s) => `${s.x} |> group_norm(${s.c}, affine=false)`), form("of a dense tensor", (s) => `${s.x} |> to_dense |> group_norm(2)`, { bounded: true })]],
  ["layer_norm", [form("of rows", (s) => `${s.x} |> layer_norm(eps=0.25)`), form("of vectors, without weights", (s) => `${vector(s)} |> layer_norm(affine=false, eps=0.25)`), form("of a dense tensor", (s) => `${s.x} |> to_dense |> layer_norm`, { bounded: true })]],
  ["broadcast", [...["sum", "product", "cat", "copy"].map((by) => form(by, (s) => `${s.x} |> broadcast(${vector(s)}, by=${by})`)), form("onto a dense tensor", (s) => `${s.x} |> to_dense |> broadcast(${vector(s)}, by=product)`, { bounded: true }), form("onto points", (s) => `${s.x} |> broadcast(${vector(s)}, by=sum)`, points)]],
  ...[1, 2, 3].flatMap((dim) => [`conv${dim}d`, `deconv${dim}d`].map((name): [string, readonly Form[]] => {
    // Of as many axes, or of one more with one in the channels.
    const tensor = (s: Setting): string => `${s.x} |> to_dense${s.axes.length === dim + 1 ? `(fold="${s.axes[0]}")` : ""}`;
    const list = (...numbers: readonly number[]): string => `[${numbers.slice(0, dim).join(", ")}]`;
    const flat = { bounded: true, refused: (s: Setting) => (s.axes.length === dim || s.axes.length === dim + 1 ? undefined : "SP0467") } as const;
    return [name, [
      form("strided and padded", (s) => `${tensor(s)} |> ${name}(${s.e}, k=3, s=2, p=1, bias=true)`, flat),
      form("dilated, one size per axis", (s) => `${tensor(s)} |> ${name}(${s.d}, k=${list(3, 1, 2)}, d=${list(1, 2, 1)})`, flat),
      ...(name.startsWith("conv") ? [form("in groups", (s) => `${tensor(s)} |> ${name}(${s.d}, k=3, p=1, groups=2)`, flat), form("depthwise", (s) => `${tensor(s)} |> ${name}(${s.d}, k=1) |> ${name}(${2 * s.d}, k=3, s=2, p=1, groups=${s.d})`, flat)] : [
        form("in groups", (s) => `${tensor(s)} |> ${name}(${s.d}, k=3, s=2, p=1, groups=2)`, flat),
        form("with cells behind the last one", (s) => `${tensor(s)} |> ${name}(${s.e}, k=2, s=2, output_padding=1)`, flat)]),
    ]];
  })),
  ["upsample", [
    form("cells repeated", (s) => `${s.x} |> to_dense |> upsample(${per(s, 2, 1, 3)}, mode=nearest)`, { bounded: true }),
    form("interpolated", (s) => `${s.x} |> to_dense |> upsample(${per(s, 2, 1, 3)}, mode=linear)`, { bounded: true }),
    form("interpolated, corners aligned", (s) => `${s.x} |> to_dense |> upsample(2, mode=linear, align_corners=true)`, { bounded: true }),
    ...[["bilinear", 2] as const, ["trilinear", 3] as const].map(([mode, axes]) => form(mode, (s) => `${s.x} |> to_dense |> upsample(2, mode=${mode})`, { bounded: true, refused: (s) => (s.axes.length === axes ? undefined : "SP0483") })),
  ]],
  ["quantise", [form("of rows", (s) => `${s.x} |> quantise(scale=0.0625)`)]],
  ["clip", ["channel", "tensor"].map((per) => form(`per ${per}`, (s) => `${s.x} |> quantise(scale=0.0625) |> clip(per=${per})`))],
  ["rescale", [
    form("of a layer's sums", (s) => `${s.x} |> quantise(scale=0.0625) |> subm(${s.e}, k=3) |> rescale(shift=12, rounding=even, per=channel)`),
    form("halves up, one multiplier", (s) => `${s.x} |> quantise(scale=0.0625) |> linear(${s.e}) |> rescale(rounding=up, per=tensor)`),
  ]],
  ["saturate", [form("of a layer's sums", (s) => `${s.x} |> quantise(scale=0.0625) |> subm(${s.e}, k=3) |> rescale |> saturate`)]],
  ["scale", ["channel", "tensor"].map((per) => form(`per ${per}`, (s) => `${s.x} |> quantise(scale=0.0625) |> scale(per=${per})`))],
  ["elu", [form("of rows", (s) => `${s.x} |> elu`), form("of vectors", (s) => `${vector(s)} |> elu(alpha=0.5)`)]],
  ["leaky_relu", [form("of rows", (s) => `${s.x} |> leaky_relu`), form("of vectors", (s) => `${vector(s)} |> leaky_relu(slope=-0.5)`)]],
  ...["+", "*"].map((sign): [string, readonly Form[]] => [sign, [
    form("of rows", (s) => `(${s.x} |> linear(${s.e})) ${sign} (${s.x} |> linear(${s.e}))`),
    form("of vectors", (s) => `(${vector(s)}) ${sign} (${s.x} |> global_max_pool)`),
  ]]),
  ["union", [
    form("sum", (s) => `union(${s.x} |> linear(${s.e}), ${s.x} |> conv(${s.e}, k=${per(s, 3, 1, 1, 1)}, p=${per(s, 1, 0, 0, 0)}, sites=reach), ${s.x} |> linear(${s.e}), by=sum)`),
    form("product", (s) => `union(${s.x} |> conv(${s.c}, k=${per(s, 1, 1, 1, 3)}, p=${per(s, 0, 0, 0, 1)}, sites=reach), ${s.x}, by=product)`),
  ]],
  ["prune", [
    form("by its threshold", (s) => `${s.x} |> prune(${s.x} |> linear(1), above=0.125)`),
    form("and layers on what stays", (s) => `${s.x} |> prune(${s.x} |> linear(1)) |> subm(${s.e}, k=3)`),
  ]],
  ["cat", [
    form("of rows", (s) => `cat(${s.x}, ${s.x} |> linear(${s.e}), ${s.x} |> relu)`),
    form("of vectors", (s) => `cat(${vector(s)}, ${s.x} |> global_max_pool)`),
  ]],
  pool("max_pool", form("that begins at 0", (s) => `${s.x} |> max_pool(k=2, s=2, clamp0=true)`)),
  pool("avg_pool", ...["count", "volume"].map((by) => form(`by ${by}`, (s) => `${s.x} |> avg_pool(k=3, s=2, p=1, sites=reach, divisor=${by})`))),
  pool("sum_pool"),
  ["unpool", [
    form("sum", (s) => `${s.x} |> max_pool(k=3, s=2, p=1, sites=reach) |> unpool(mode=sum)`, back),
    form("average", (s) => `${s.x} |> sum_pool(k=3, s=2, p=1, sites=floor) |> unpool(k=3, mode=avg)`, back),
    form("onto other sites", (s) => `${down(s, s.e)} |> unpool(mode=sum, onto=${s.x} |> conv(1, k=${per(s, 3, 1, 1, 1)}, p=${per(s, 1, 0, 0, 0)}, sites=reach))`, back),
  ]],
  ["voxelize", [
    ...["mean", "sum", "max", "first"].map((reduce) => form(reduce, (s) => `${s.x} |> voxelize(onto=${voxels(s)}, reduce=${reduce})`, points)),
    form("onto a coarser grid", (s) => `${s.x} |> voxelize(onto=${voxels(s)}/${per(s, 2, 3)}, max_points=2)`, points),
    form("onto the sites of a value", (s) => `${s.x} |> voxelize(onto=${s.x} |> voxelize(onto=${voxels(s)}) |> conv(1, k=3, s=2, p=1, sites=reach))`, points),
  ]],
  ["devoxelize", [
    form("nearest", (s) => `${s.x} |> voxelize(onto=${voxels(s)}) |> devoxelize(mode=nearest)`, points),
    ...["present", "all"].map((weights) => form(`between ${weights === "all" ? "all corners" : "the corners that are there"}`, (s) => `${s.x} |> voxelize(onto=${voxels(s)}) |> devoxelize(onto=${s.x}, mode=trilinear, weights=${weights})`, points)),
    form("from a coarser grid", (s) => `${s.x} |> voxelize(onto=${voxels(s)}) |> conv(${s.e}, k=2, s=2) |> devoxelize(mode=trilinear)`, points),
  ]],
  ["to_dense", [
    form("channels first", (s) => `${s.x} |> to_dense(layout=channels_first)`, { bounded: true }),
    form("channels last", (s) => `${s.x} |> to_dense(layout=channels_last)`, { bounded: true }),
    form("an axis in the channels", (s) => `${s.x} |> to_dense(fold="${s.axes.at(-1)}")`, { bounded: true }),
    form("of a coarser grid", (s) => `${down(s, s.d)} |> to_dense`, { bounded: true }),
  ]],
  ["from_dense", [
    form("at new sites", (s) => `${s.x} |> to_dense |> relu |> from_dense |> subm(${s.e}, k=3)`, { bounded: true }),
    form("on a field", (s) => `${s.x} |> to_dense |> relu |> from_dense(ground=[${Array.from({ length: s.c }, (_, c) => (c % 2 === 0 ? 0 : 0.5)).join(", ")}]) |> linear(${s.e}, bias=true) |> to_dense`, { bounded: true }),
    form("onto known sites", (s) => `${s.x} |> to_dense |> max_pool(k=3, p=1) |> from_dense(onto=${s.x})`, { bounded: true }),
    form("onto coarser sites", (s) => `${down(s, s.d)} |> to_dense |> from_dense(onto=${down(s, 1)})`, { bounded: true }),
  ]],
]);

/** The forms of an operation: as written above, or those that follow from its parameters. */
export const formsOf = (op: SurfaceOp): readonly Form[] => WRITTEN.get(op.name) ?? plainForms(op);

/**
 * Of rows and of vectors, once by default and once per word or switch of every parameter. An operation that takes another
 * value, or asks for a number, is written above.
 */
function plainForms(op: SurfaceOp): readonly Form[] {
  const [first, ...rest] = op.parameters;
  if (first?.kind !== "tensor" || rest.some((p) => p.required)) return [];
  const given = ["", ...rest.flatMap((p) => valuesOf(p).map((value) => `${p.name}=${value}`))];
  return given.flatMap((argument) => {
    const [call, named] = argument === "" ? [op.name, ""] : [`${op.name}(${argument})`, `, ${argument}`];
    return [form(`of rows${named}`, (s) => `${s.x} |> ${call}`), form(`of vectors${named}`, (s) => `${vector(s)} |> ${call}`, { tried: true })];
  });
}

const valuesOf = ({ kind, choices }: SurfaceParameter): readonly string[] => (kind === "word" ? (choices ?? []) : kind === "bool" ? ["true", "false"] : []);

/** Operations and what of their parameters no form has: `conv sites=floor`. Nothing is to be forgotten. */
export function missingForms(): readonly string[] {
  const setting: Setting = { dialect: undefined, axes: ["z", "y", "x"], x: "x", c: 4, d: 6, e: 3 };
  return [...surfaceOps.values()].flatMap((op) => {
    const forms = formsOf(op);
    if (forms.length === 0) return [op.name];
    const texts = forms.flatMap(({ text }) => [undefined, ...dialects.keys()].map((dialect) => text({ ...setting, dialect })));
    return op.parameters.filter((p) => !p.required).flatMap((p) => {
      const wanted = p.kind === "word" ? (p.choices ?? []).map((word) => `${p.name}=${word}`) : [`${p.name}=`];
      return wanted.filter((part) => !texts.some((text) => new RegExp(`[( ]${part}`).test(text))).map((part) => `${op.name} ${part}`);
    });
  });
}
