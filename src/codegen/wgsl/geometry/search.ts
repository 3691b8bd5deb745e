import { countPairs, countSite, COUNT, GROUP, stepPart } from "../../../runtime/geometry/fields.ts";
import { recordWords } from "../../../runtime/geometry/record.ts";
import type { RulebookSpec } from "../../plan/geometry-spec.ts";
import { i32, int, u32 } from "../literal.ts";
import { name, type Name } from "../namer.ts";
import type { Kernel } from "../spec.ts";
import { wgsl, type Hole, type Wgsl } from "../template.ts";
import { axisTaps, four, probesOf, product, type SitePlan } from "./analysis.ts";
import { Cells, digits } from "./cells.ts";
import { stageKernel, type StagePart } from "./stage.ts";
import { AXES, Buffers, plus, vec4i } from "./words.ts";

/**
 * Finds the pairs of every rulebook, from input rows and the taps that can fit them: out = (in + p − tap·d) / s, looked
 * up in the output set. A pair is written once into each block that is wanted. Submanifold rulebooks look at half the
 * taps: the pair (o, t, i) found gives (i, K−1−t, o) as well, and the centre tap is the row itself.
 */
export class SearchStage {
  readonly #sites: readonly SitePlan[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #buffers = new Buffers();
  readonly #cells: Cells;
  readonly #maps: Name;

  constructor(sites: readonly SitePlan[]) {
    this.#sites = sites;
    this.#index = new Map(sites.map((s, i) => [s.id, i]));
    this.#cells = new Cells(this.#buffers, sites);
    void this.#cells.coords;
    void this.#cells.table;
    this.#maps = this.#buffers.bindings.use("maps", "read_write", wgsl`array<atomic<u32>>`);
  }

  kernel(title: string, rulebooks: readonly RulebookSpec[]): Kernel {
    return stageKernel({
      name: title,
      header: ["Finds the pairs of all rulebooks; an invocation looks for one tap of one input row."],
      buffers: this.#buffers, cells: this.#cells, workgroupBytes: 4,
      parts: rulebooks.map((r, i) => this.#part(r, i)),
      declarations: wgsl`var<workgroup> pairs: atomic<u32>;`,
      before: wgsl`
        var found = 0u;
        var total = 0u;`,
      after: wgsl`
        if (found > 0u) { atomicAdd(&pairs, found); }
        workgroupBarrier();
        if (lane == 0u) {
          let sum = atomicLoad(&pairs);
          if (sum > 0u) { atomicAdd(&${this.#buffers.counts}[total], sum); }
        }`,
    });
  }

  #part(r: RulebookSpec, i: number): StagePart {
    return {
      what: `${r.name}: ${r.from} → ${r.to}, k [${r.kernel.join(", ")}] s [${r.stride.join(", ")}] p [${r.padding.join(", ")}] d [${r.dilation.join(", ")}]`,
      body: (group) => wgsl`
        total = ${u32(countPairs(this.#sites.length, i))};
        found = ${this.#search(r, i)}(${group}, lane);`,
    };
  }

  #search(r: RulebookSpec, i: number): Name {
    const from = this.#index.get(r.from)!;
    const to = this.#index.get(r.to)!;
    const probes = probesOf(r);
    const blocks = { forward: wgsl`${this.#buffers.step}[${u32(stepPart(i) + 1)}]`, transposed: wgsl`${this.#buffers.step}[${u32(stepPart(i) + 2)}]` };
    const put = (block: "forward" | "transposed", row: Wgsl, tap: Wgsl, value: Wgsl): Hole =>
      r[block] ? wgsl`${this.#put(product(r.kernel))}(${blocks[block]}, ${row}, ${tap}, ${value});` : undefined;
    const pair = [put("forward", wgsl`out - 1u`, wgsl`tap`, wgsl`row + 1u`), put("transposed", wgsl`row`, wgsl`tap`, wgsl`out`)];
    const head = wgsl`
      let item = group * ${u32(GROUP)} + lane;
      let row = item / ${u32(32 * probes)} * 32u + item % 32u;
      if (row >= atomicLoad(&${this.#buffers.counts}[${u32(countSite(from) + COUNT.rows)}])) { return 0u; }
      let probe = item / 32u % ${u32(probes)};`;
    const look = (c: Wgsl): Wgsl => wgsl`
      let out = ${this.#cells.find(to)}(Site(s.b, ${c}));
      if (out == 0u) { return 0u; }`;
    const last = product(r.kernel) - 1;
    const body = r.mirrored
      ? wgsl`
        let tap = probe;
        if (tap == ${u32(last / 2)}) {
          let out = row + 1u;
          ${pair}
          return 1u;
        }
        let s = ${this.#cells.row(from, wgsl`row`)};
        ${look(wgsl`${plus(wgsl`s.c`, four(r.padding, 0))} - ${digits(wgsl`tap`, four(r.kernel, 1), four(r.dilation, 1))}`)}
        ${pair}
        ${put("forward", wgsl`row`, wgsl`${u32(last)} - tap`, wgsl`out`)}
        ${put("transposed", wgsl`out - 1u`, wgsl`${u32(last)} - tap`, wgsl`row + 1u`)}
        return 2u;`
      : wgsl`
        let s = ${this.#cells.row(from, wgsl`row`)};
        ${this.#fittingTap(r)}
        ${look(wgsl`o`)}
        ${pair}
        return 1u;`;
    return this.#cells.declare(`search_${i}`, () => wgsl`
      fn search_${int(i)}(group: u32, lane: u32) -> u32 {
        ${head}
        ${body}
      }`);
  }

  /** `tap` (flat) and the output `o` that the input meets with the row's `probe`-th tap; leaves where there is none. */
  #fittingTap(r: RulebookSpec): Hole {
    const kernel = four(r.kernel, 1);
    const stride = four(r.stride, 1);
    const dilation = four(r.dilation, 1);
    const axes = kernel.map((k, a) => axisTaps(k, stride[a]!, dilation[a]!));
    const probe = digits(wgsl`probe`, axes.map((t) => t.count), [1, 1, 1, 1]);
    const v = plus(wgsl`s.c`, four(r.padding, 0));
    if (axes.every((t) => t.step === 1 && t.gcd === 1)) {
      return wgsl`
        let tap = probe;
        let o = ${v} - ${digits(wgsl`probe`, kernel, dilation)};`;
    }
    // First fitting tap: ((v / gcd) mod step) · inverse mod step, with a floored modulo.
    const gcds = axes.map((t) => t.gcd);
    const steps = axes.map((t) => t.step);
    const coarse = this.#cells.divide(wgsl`v`, gcds);
    const flat = AXES.reduce((text, a, k) => (kernel[k] === 1 ? text : wgsl`${text === undefined ? wgsl`` : wgsl`(${text}) * ${i32(kernel[k]!)} + `}r.${name(a)}`), undefined as Wgsl | undefined);
    return wgsl`
      let v = ${v};
      let u = ${coarse};
      ${gcds.every((g) => g === 1) ? undefined : wgsl`if (any(u * ${vec4i(gcds)} != v)) { return 0u; }`}
      let part = u - ${this.#cells.divide(wgsl`u`, steps)}${steps.every((n) => n === 1) ? wgsl`` : wgsl` * ${vec4i(steps)}`};
      let first = part${this.#inverse(axes.map((t) => t.inverse), steps)};
      let r = first + ${probe} * ${vec4i(steps)};
      if (any(r >= ${vec4i(kernel)})) { return 0u; }
      let tap = ${flat === undefined ? wgsl`0u` : wgsl`u32(${flat})`};
      let o = ${this.#cells.divide(wgsl`(v - r * ${vec4i(dilation)})`, stride)};`;
  }

  /** Residues mod 1 are 0 whatever they are multiplied with. */
  #inverse(inverses: readonly number[], steps: readonly number[]): Wgsl {
    if (inverses.every((n, a) => n === 1 || steps[a] === 1)) return wgsl``;
    return wgsl` * ${vec4i(inverses)} % ${vec4i(steps)}`;
  }

  /** `put_27(block, row, tap, value)`: an entry of a block of 27 taps and its bit in the record's mask. */
  #put(taps: number): Name {
    const words = Math.ceil(taps / 32);
    const mask = words === 1 ? wgsl`record` : wgsl`record + (tap >> 5u)`;
    const bit = words === 1 ? wgsl`1u << tap` : wgsl`1u << (tap & 31u)`;
    return this.#cells.declare(`put_${taps}`, () => wgsl`
      fn put_${int(taps)}(block: u32, row: u32, tap: u32, value: u32) {
        let record = block + (row >> 5u) * ${u32(recordWords(taps))};
        atomicStore(&${this.#maps}[record + ${u32(words)} + tap * 32u + (row & 31u)], value);
        let bit = ${bit};
        let mask = ${mask};
        if ((atomicLoad(&${this.#maps}[mask]) & bit) == 0u) { atomicOr(&${this.#maps}[mask], bit); }
      }`);
  }
}
