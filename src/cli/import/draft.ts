/**
 * A first network from the names and shapes of a checkpoint: its layers in their order, each on the value before it.
 * What a checkpoint cannot say is guessed and marked `?`. The draft compiles, and needs what the checkpoint has.
 */
import type { TensorView } from "../checkpoint/values.ts";
import { readLayers, type ConvLayer, type Layer } from "./layers.ts";
import type { System } from "./systems.ts";

/** Sites that a value lives on: the input's, or those that a strided convolution leads to. */
interface Sites {
  readonly from: Sites | undefined;
  readonly kernel: readonly number[];
}

interface Known {
  readonly name: string;
  readonly channels: number;
  readonly sites: Sites;
}

const UP = /(^|[._])(up|inv|deconv|convtr|conv_?transpose|trans)|upsample|upconv/i;
const DOWN = /down|pool|stride|p\d+s2|spconv\d|conv_out|extra_conv/i;
const SHORTCUT = /downsample|shortcut|identity|residual/i;

/** The text of the draft. `prefix` names the part of the checkpoint that is drafted. */
export function draftNet(file: string, tensors: ReadonlyMap<string, TensorView>, prefix: string, system: System): string {
  const { dim, layers } = readLayers(tensors, prefix, system);
  const draft = new Draft(system);
  const channels = layers.map((layer) => (layer.kind === "conv" ? layer.cin : layer.kind === "linear" ? layer.sides[0]![0] : 0)).find((c) => c > 0) ?? 1;
  const body = draft.write(layers, channels);
  const axes = (system.dialect === "spconv" ? ["z", "y", "x"] : ["x", "y", "z"]).slice(dim >= 3 ? 0 : -dim);
  const all = dim === 4 ? ["t", ...axes] : axes;
  return [
    "spnet 1",
    "",
    `// A draft from ${printable(file)}, a checkpoint of ${system.title}. It has the checkpoint's layers in their order. A checkpoint says`,
    "// nothing of what has no weights, so a person compares it with the model's code: lines marked `?` are guesses,",
    "// activations stand after batch norms only because most models have them there, and sums, pools and strides may be missing.",
    `// spnet import CHECKPOINT --from ${system.name}${prefix === "" ? "" : ` --prefix ${printable(prefix)}`} --net THIS --out W.safetensors reads its weights.`,
    "export net Draft {",
    ...(system.dialect === undefined ? [] : [`  dialect ${system.dialect}`]),
    ...(system.layout === undefined || system.layout === defaultLayout(system) ? [] : [`  layout ${system.layout}`]),
    `  sites S : (${all.join(", ")})  // ? the order of the coordinates' columns, and their extents (${all[0]}: 41, …) if the grid is bounded`,
    `  input x : feat[S, ${channels}]`,
    "",
    ...body.map((line) => (line === "" ? "" : `  ${line}`)),
    "}",
    "",
  ].join("\n");
}

const defaultLayout = ({ dialect }: System): string => (dialect === "spconv" ? "spconv2" : (dialect ?? "spconv2"));

class Draft {
  readonly #system: System;
  readonly #lines: string[] = [];
  readonly #known: Known[] = [];
  #count = 0;

  constructor(system: System) {
    this.#system = system;
  }

  write(layers: readonly Layer[], channels: number): readonly string[] {
    this.#known.push({ name: "x", channels, sites: { from: undefined, kernel: [] } });
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i]!;
      const norm = layers[i + 1];
      const follows = layer.kind !== "bn" && norm?.kind === "bn" && isNormOf(norm, layer) ? norm : undefined;
      if (this.#layer(layer, follows)) i++;
    }
    const last = this.#known.at(-1)!;
    return [...this.#lines, "", `output y = ${last.name}`];
  }

  get #last(): Known {
    return this.#known.at(-1)!;
  }

  /** Writes a layer, and the batch norm after it when there is one; whether that was written. */
  #layer(layer: Layer, norm: (Layer & { readonly kind: "bn" }) | undefined): boolean {
    switch (layer.kind) {
      case "unknown":
        this.#lines.push(`// ? left out: ${printable(layer.path)} [${layer.shape.join(", ")}]`);
        return false;
      case "bn":
        return this.#standing(layer), false;
      case "linear": {
        const sides = layer.sides.find(([cin]) => cin === this.#last.channels) ?? layer.sides[0]!;
        return this.#apply(layer, sides[0], sides[1], norm, () => ({ call: `linear(${sides[1]}${biased(layer.bias)}, w=${quoted(layer.path)})`, sites: undefined, doubt: layer.sides.length > 1 && sides[0] !== sides[1] ? "which side of the matrix is the input" : "" }));
      }
      case "conv": {
        const { or } = layer;
        const conv = or !== undefined && !or.guessed && or.cin === this.#last.channels && !this.#known.some((k) => k.channels === layer.cin) ? or : layer;
        return this.#apply(conv, conv.cin, conv.cout, norm, (x) => this.#conv(conv, x));
      }
    }
  }

  #apply(layer: Layer, cin: number, cout: number, norm: (Layer & { readonly kind: "bn" }) | undefined, op: (x: Known) => { readonly call: string; readonly sites: Sites | undefined; readonly doubt: string }): boolean {
    const main = this.#last;
    const shortcut = SHORTCUT.test(layer.path);
    const operand = this.#operand(cin, shortcut ? main : undefined);
    if (operand === undefined) {
      this.#lines.push(`// ? left out: ${printable(layer.path)}, ${cin} to ${cout} channels: no value here has ${cin}`);
      return false;
    }
    const { call, sites, doubt } = op(operand.x);
    const doubts = [operand.doubt, doubt].filter((d) => d !== "");
    const act = norm === undefined ? "" : ` |> bn(w=${quoted(norm.path)})${shortcut ? "" : " |> relu"}`;
    const made = this.#let(`${operand.x.name} |> ${call}${act}`, cout, sites ?? operand.x.sites, doubts);
    if (shortcut && made.channels === main.channels && made.sites === main.sites) this.#let(`(${main.name} + ${made.name}) |> relu`, cout, made.sites, ["a shortcut, by its name"]);
    return norm !== undefined;
  }

  /** A batch norm that stands before its convolution, or after something that has no weights. */
  #standing(layer: Layer & { readonly kind: "bn" }): void {
    const operand = this.#operand(layer.channels, undefined);
    if (operand === undefined) this.#lines.push(`// ? left out: ${printable(layer.path)}, a batch norm of ${layer.channels} channels: no value here has as many`);
    else this.#let(`${operand.x.name} |> bn(w=${quoted(layer.path)}) |> relu`, layer.channels, operand.x.sites, [operand.doubt].filter((d) => d !== ""));
  }

  /** What a layer of `cin` input channels is applied to: the last value, it and an earlier one, or an earlier one. */
  #operand(cin: number, beside: Known | undefined): { readonly x: Known; readonly doubt: string } | undefined {
    const whole = (x: Known, doubt: string): { readonly x: Known; readonly doubt: string } => ({ x, doubt });
    const last = this.#last;
    const earlier = this.#known.toReversed();
    const source = beside === undefined ? undefined : earlier.find((k) => k !== beside && k.channels === cin && k.sites === beside.sites);
    if (source !== undefined) return whole(source, "which value the shortcut takes");
    if (last.channels === cin) return whole(last, "");
    const other = earlier.find((k) => k.sites === last.sites && k.channels === cin - last.channels);
    if (other !== undefined) return whole(this.#let(`cat(${last.name}, ${other.name})`, cin, last.sites, ["which values are joined, in which order"]), "");
    const x = earlier.find((k) => k.channels === cin);
    return x === undefined ? undefined : whole(x, `takes an earlier value, for the last has ${last.channels} channels`);
  }

  #conv({ path, kernel, guessed, cin, cout, groups, bias }: ConvLayer, x: Known): { readonly call: string; readonly sites: Sites | undefined; readonly doubt: string } {
    const rest = `${groups === 1 ? "" : `, groups=${groups}`}${biased(bias)}, w=${quoted(path)}`;
    const even = kernel.every((k) => k % 2 === 0 || k === 1) && kernel.some((k) => k > 1);
    const reversed = x.sites.from;
    if (reversed !== undefined && kernel.join() === x.sites.kernel.join() && (UP.test(path) || (even && cout < cin && !DOWN.test(path)))) {
      return { call: `up(${cout}${rest})`, sites: reversed, doubt: "goes up, by its name or its channels" };
    }
    const doubt = guessed ? `${kernel.reduce((a, b) => a * b, 1)} taps, of which axes` : "";
    const down = even || DOWN.test(path) || (this.#system.dialect === "spconv" && cin !== cout && x.name !== "x");
    if (!down || kernel.every((k) => k === 1)) return { call: `subm(${cout}, k=${list(kernel)}${rest})`, sites: undefined, doubt };
    const stride = kernel.map((k) => Math.min(k, 2));
    const centred = kernel.map((k) => (even || kernel.some((n) => n === 1) ? 0 : Math.floor(k / 2)));
    const rule = this.#system.dialect === undefined || (this.#system.dialect === "torchsparse" && stride.some((s, i) => s !== 1 && s !== kernel[i])) ? ", sites=reach" : "";
    const padding = even && this.#system.dialect !== undefined ? "" : this.#system.dialect === "minkowski" ? "" : `, p=${list(centred)}`;
    return {
      call: `conv(${cout}, k=${list(kernel)}, s=${list(stride)}${padding}${even ? "" : rule}${rest})`,
      sites: { from: x.sites, kernel },
      doubt: [doubt, even ? "" : "whether it is strided, and its padding"].filter((d) => d !== "").join("; "),
    };
  }

  #let(text: string, channels: number, sites: Sites, doubts: readonly string[]): Known {
    const made = { name: `v${++this.#count}`, channels, sites };
    this.#lines.push(`let ${made.name} = ${text}${doubts.length === 0 ? "" : `  // ? ${doubts.join("; ")}`}`);
    this.#known.push(made);
    return made;
  }
}

/** Whether a batch norm has as many channels as a layer's result may have. */
const isNormOf = (norm: Layer & { readonly kind: "bn" }, layer: Layer): boolean =>
  layer.kind === "conv" ? layer.cout === norm.channels : layer.kind === "linear" && layer.sides.length === 1 && layer.sides[0]![1] === norm.channels;

const biased = (bias: boolean): string => (bias ? ", bias=true" : "");

const list = (numbers: readonly number[]): string => (numbers.every((n) => n === numbers[0]) ? String(numbers[0]) : `[${numbers.join(", ")}]`);

/** A path as a text of the language. */
const quoted = (path: string): string => `"${printable(path).replace(/[\\"{}]/g, "\\$&")}"`;

/** Text from a file in a comment or a text: on one line, without what could end either. */
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "?");
