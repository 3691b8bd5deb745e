import { i32, int, u32 } from "../literal.ts";
import type { Bindings } from "../module.ts";
import { name, type Name } from "../namer.ts";
import type { DenseTarget, RowAccess } from "../spec.ts";
import { join, wgsl, type Wgsl } from "../template.ts";

/** Channels [from, from + width) of an access, as one stage of a kernel reads or writes them. */
export interface Window {
  readonly access: RowAccess;
  readonly from: number;
  readonly width: number;
}

export const isDense = (target: RowAccess | DenseTarget): target is DenseTarget => "coords" in target;

/**
 * The functions by which a kernel reads and writes rows, four channels at a time: `load_x(row, quad)` is channels
 * from + 4·quad …, zero beyond the window. A buffer is bound as vec4 where every access to it is aligned, so all
 * windows of the kernel must be known before the first function is asked for.
 */
export class RowFunctions {
  readonly #bindings: Bindings;
  readonly #aligned: ReadonlyMap<string, boolean>;
  readonly #functions = new Map<string, { readonly name: Name; readonly text: Wgsl }>();

  constructor(bindings: Bindings, windows: readonly Window[]) {
    const aligned = new Map<string, boolean>();
    for (const { access, from, width } of windows) {
      const fits = [access.stride, access.offset, from, width].every((n) => n % 4 === 0);
      aligned.set(access.role, fits && (aligned.get(access.role) ?? true));
    }
    this.#bindings = bindings;
    this.#aligned = aligned;
  }

  get declarations(): readonly Wgsl[] {
    return [...this.#functions.values()].map((f) => f.text);
  }

  /** Adds a function that is no access, once. */
  helper(fn: Name, text: Wgsl): Name {
    if (!this.#functions.has(fn.text)) this.#functions.set(fn.text, { name: fn, text });
    return fn;
  }

  load(window: Window): Name {
    const { access, from, width } = window;
    return this.#function("load", window, (fn, buffer) => {
      if (this.#vec4(access)) {
        return wgsl`
          fn ${fn}(row: u32, quad: u32) -> vec4f {
            return ${widened(access, wgsl`${buffer}[${index(access, from, 4)} + quad]`, wgsl`vec4f`)};
          }`;
      }
      const rest = width % 4;
      const lanes = [0, 1, 2, 3].map((c) => {
        const value = widened(access, wgsl`${buffer}[${plus("at", c)}]`, wgsl`f32`);
        if (width < 4) return c < width ? value : wgsl`0.0f`;
        return rest === 0 || c === 0 ? value : wgsl`select(0.0f, ${value}, 4u * quad + ${u32(c)} < ${u32(width)})`;
      });
      return wgsl`
        fn ${fn}(row: u32, quad: u32) -> vec4f {
          let at = ${index(access, from, 1)} + 4u * quad;
          return vec4f(${join(lanes, ", ")});
        }`;
    });
  }

  store(target: RowAccess | DenseTarget, from: number, width: number): Name {
    if (isDense(target)) return this.#storeDense(target, from, width);
    return this.#function("store", { access: target, from, width }, (fn, buffer) => {
      if (this.#vec4(target)) {
        return wgsl`
          fn ${fn}(row: u32, quad: u32, value: vec4f) {
            ${buffer}[${index(target, from, 4)} + quad] = ${target.half === true ? wgsl`vec4h(value)` : wgsl`value`};
          }`;
      }
      return wgsl`
        fn ${fn}(row: u32, quad: u32, value: vec4f) {
          let at = ${index(target, from, 1)} + 4u * quad;
          ${lanes(width, (c) => wgsl`${buffer}[${plus("at", c)}] = ${target.half === true ? wgsl`f16(value[${int(c)}])` : wgsl`value[${int(c)}]`};`)}
        }`;
    });
  }

  /** Scatter by coordinate; rows whose coordinates leave the extents are not written. */
  #storeDense(target: DenseTarget, from: number, width: number): Name {
    const { extents, fold, channels } = target;
    const key = `dense ${target.role}`;
    const known = this.#functions.get(key);
    if (known !== undefined) return known.name;
    const buffer = this.#bindings.use(target.role, "read_write", wgsl`array<f32>`);
    const coords = this.#bindings.use(target.coords, "read", wgsl`array<i32>`);
    const fn = name(`store_${buffer.text}`);
    const volume = extents.reduce((a, b) => a * b, 1);
    const axes = extents.map((_, a) => a);
    const site = (a: number): Wgsl => wgsl`u32(${coords}[at + ${u32(a + 1)}])`;
    const inside = axes.map((a) => wgsl`${site(a)} < ${u32(extents[a] ?? 0)}`);
    // Steps of the flat index [batch, channel, (folded axis), other axes]; without a fold channels step by the volume.
    const others = axes.filter((a) => a !== fold);
    const step = (a: number): number =>
      a === fold ? others.reduce((n, b) => n * (extents[b] ?? 1), 1) : others.slice(others.indexOf(a) + 1).reduce((n, b) => n * (extents[b] ?? 1), 1);
    // Channels last, they step by the folded axis' extent and the other axes by all channels of a cell.
    const deep = fold === undefined ? 1 : (extents[fold] ?? 1);
    const apart = target.last === true ? deep : volume;
    const place = axes.map((a) => wgsl`${site(a)} * ${u32(target.last !== true ? step(a) : a === fold ? 1 : step(a) * channels * deep)}`);
    const first = wgsl`${u32(from)} + 4u * quad`;
    const origin = target.last === true ? wgsl`u32(${coords}[at]) * ${u32(volume * channels)} + ${deep === 1 ? first : wgsl`(${first}) * ${u32(deep)}`}` : wgsl`(u32(${coords}[at]) * ${u32(channels)} + ${first}) * ${u32(volume)}`;
    const text = wgsl`
      fn ${fn}(row: u32, quad: u32, value: vec4f) {
        let at = row * ${u32(extents.length + 1)};
        if (${coords}[at] < ${i32(0)} || !(${join(inside, " && ")})) { return; }
        let cell = ${origin} + ${join(place, " + ")};
        ${lanes(width, (c) => wgsl`if (${plus("cell", c * apart)} < arrayLength(&${buffer})) { ${buffer}[${plus("cell", c * apart)}] = value[${int(c)}]; }`)}
      }`;
    this.#functions.set(key, { name: fn, text });
    return fn;
  }

  #type(access: RowAccess): Wgsl {
    if (access.half !== true) return this.#vec4(access) ? wgsl`array<vec4f>` : wgsl`array<f32>`;
    this.#bindings.useHalves();
    return this.#vec4(access) ? wgsl`array<vec4h>` : wgsl`array<f16>`;
  }

  #vec4(access: RowAccess): boolean {
    const aligned = this.#aligned.get(access.role);
    if (aligned === undefined) throw new Error(`internal: access to ${access.role} was not announced`);
    return aligned;
  }

  #function(verb: string, { access, from, width }: Window, text: (fn: Name, buffer: Name) => Wgsl): Name {
    const key = [verb, access.role, access.stride, access.offset + from, width].join(" ");
    const known = this.#functions.get(key);
    if (known !== undefined) return known.name;
    if (from + width > access.channels) throw new Error(`internal: channels ${from}..${from + width} of ${access.channels}`);
    const buffer = this.#bindings.use(access.role, "read_write", this.#type(access));
    const same = [...this.#functions.values()].filter((f) => f.name.text.startsWith(`${verb}_${buffer.text}`)).length;
    const fn = name(`${verb}_${buffer.text}${same === 0 ? "" : `_at${access.offset + from}w${width}`}`);
    this.#functions.set(key, { name: fn, text: text(fn, buffer) });
    return fn;
  }
}

/** What was loaded as float32: halves are converted. */
const widened = (access: RowAccess, value: Wgsl, type: Wgsl): Wgsl => (access.half === true ? wgsl`${type}(${value})` : value);

/** First element of the window in row `row`, in units of `unit` floats. */
function index(access: RowAccess, from: number, unit: number): Wgsl {
  const start = (access.offset + from) / unit;
  const row = wgsl`row * ${u32(access.stride / unit)}`;
  return start === 0 ? row : wgsl`${row} + ${u32(start)}`;
}

const plus = (variable: string, n: number): Wgsl => (n === 0 ? wgsl`${name(variable)}` : wgsl`${name(variable)} + ${u32(n)}`);

/** One statement per channel of a quad, guarded where the window's last quad is not full. */
function lanes(width: number, statement: (c: number) => Wgsl): readonly Wgsl[] {
  return [0, 1, 2, 3].flatMap((c) => {
    if (width < 4) return c < width ? [statement(c)] : [];
    return width % 4 === 0 || c === 0 ? [statement(c)] : [wgsl`if (4u * quad + ${u32(c)} < ${u32(width)}) { ${statement(c)} }`];
  });
}
