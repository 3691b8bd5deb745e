import { i32, u32 } from "../literal.ts";
import { comment, join, wgsl, type Hole, type Wgsl } from "../template.ts";
import { four, product, type SitePlan } from "./analysis.ts";
import { AXES, FLOOR_DIVIDE, floorDivide, plus, vec4i, vec4u, type Buffers } from "./words.ts";

/**
 * `box_of(site, c, tap)`: the cells of a derived set that a source site at `c` marks, an inclusive box that is empty
 * where lo > hi on some axis. Under dilation 1 the outputs of an interval of inputs are the interval from
 * ceil((lo + p − k + 1) / s) to floor((hi + p) / s), so a chain of derivations is a chain of intervals, clipped to the
 * extents at each level. Sets with dilation are marked tap by tap, a cell each.
 */
export function boxText(sites: readonly SitePlan[], derived: readonly number[]): Wgsl {
  const strides = derived.flatMap((i) => sites[i]!.chain.flatMap((link) => sites[link]!.stride ?? []));
  const cases = derived.map((i) => wgsl`
    case ${u32(i)}: {
      ${comment([`${sites[i]!.id} from ${sites[sites[i]!.source]!.id}`])}
      ${sites[i]!.taps > 1 ? tapCase(sites[i]!) : chainCase(sites[i]!.chain.map((link) => sites[link]!))}
    }`);
  return wgsl`
    ${strides.every((n) => Number.isInteger(Math.log2(n))) ? undefined : FLOOR_DIVIDE}

    struct Box { lo: vec4i, hi: vec4i }

    fn box_of(site: u32, c: vec4i, tap: u32) -> Box {
      var lo = c;
      var hi = c;
      var empty = false;
      switch site {
        ${cases}
        default: {}
      }
      return Box(lo, select(hi, lo - vec4i(1), empty));
    }`;
}

/** What reaches nothing at one level, between taps or beyond the extents, reaches nothing at the next either. */
function chainCase(chain: readonly SitePlan[]): Hole {
  return chain.map((s, i) => [derive(s), s.kind === "reach" && i + 1 < chain.length ? wgsl`empty = empty || any(lo > hi);` : undefined]);
}

function derive(s: SitePlan): Hole {
  const stride = four(s.stride, 1);
  if (s.kind === "sorted" || s.kind === "union" || s.kind === "prune" || s.kind === "members") return undefined;
  if (s.kind === "generate") {
    const scaled = stride.every((n) => n === 1) ? wgsl`lo` : wgsl`lo * ${vec4i(stride)}`;
    return wgsl`
      lo = ${plus(scaled, four(s.padding, 0).map((p) => 0 - p))};
      hi = lo + ${vec4i(four(s.kernel, 1).map((k) => k - 1))};
      ${clipped(s)}`;
  }
  if (s.kind === "floor") {
    return wgsl`
      lo = ${floorDivide(wgsl`lo`, stride)};
      hi = ${floorDivide(wgsl`hi`, stride)};`;
  }
  const padding = four(s.padding, 0);
  const low = padding.map((p, a) => p - (s.kernel![a] ?? 1) + stride[a]!);
  return wgsl`
    lo = ${floorDivide(plus(wgsl`lo`, low), stride)};
    hi = ${floorDivide(plus(wgsl`hi`, padding), stride)};
    ${clipped(s)}`;
}

const clipped = (s: SitePlan): Hole => (s.extents === undefined ? undefined : [wgsl`lo = max(lo, vec4i());`, wgsl`hi = min(hi, ${vec4i(four(s.extents, 1).map((n) => n - 1))});`]);

function tapCase(s: SitePlan): Hole {
  const stride = four(s.stride, 1);
  if (s.kind === "generate") {
    return wgsl`
      lo = ${plus(wgsl`c * ${vec4i(stride)}`, four(s.padding, 0).map((p) => 0 - p))} + ${digits(wgsl`tap`, four(s.kernel, 1), four(s.dilation, 1))};
      hi = lo;
      ${s.extents === undefined ? undefined : wgsl`if (any(vec4u(lo) >= ${vec4u(four(s.extents, 1))})) { hi = lo - vec4i(1); }`}`;
  }
  return wgsl`
    let v = ${plus(wgsl`c`, four(s.padding, 0))} - ${digits(wgsl`tap`, four(s.kernel, 1), four(s.dilation, 1))};
    lo = ${floorDivide(wgsl`v`, stride)};
    hi = lo;
    if (any(lo * ${vec4i(stride)} != v)${s.extents === undefined ? wgsl`` : wgsl` || any(vec4u(lo) >= ${vec4u(four(s.extents, 1))})`}) { hi = lo - vec4i(1); }`;
}

/**
 * `candidate(site, id)`: the site that candidate `id` of a set stands for: what row id / reach of the source marks as its
 * (id mod reach)-th, by taps or by the place in the box; for a union, row id / reach of its (id mod reach)-th parent.
 */
export function candidateText(buffers: Buffers, unions: boolean): Wgsl {
  const digitLines = AXES.map((a) => a).reverse().map((a) => wgsl`
    o.${a} = rest % lengths.${a};
    rest /= lengths.${a};`);
  return wgsl`
    fn candidate(site: u32, id: u32) -> Site {
      let reach = ${buffers.site("reach")};
      let lengths = ${buffers.grid("lengths")};
      let s = load(${unions ? wgsl`source_of(site, id % reach)` : buffers.site("source")}, id / reach);
      var rest = id % reach;
      let box = box_of(site, s.c, rest);
      // Sets marked tap by tap have boxes of one cell.
      var o = vec4u();
      ${digitLines}
      return Site(s.b, box.lo + vec4i(o));
    }`;
}

/** `source_of(site, place)`: the set whose rows mark a site set; of a union, the parent at a place. */
export function sourceText(buffers: Buffers, sites: readonly SitePlan[], derived: readonly number[]): Wgsl | undefined {
  const unions = derived.filter((i) => sites[i]!.kind === "union");
  if (unions.length === 0) return undefined;
  const cases = unions.map((i) => wgsl`
    case ${u32(i)}: {
      switch place {
        ${sites[i]!.others!.map((parent, k) => wgsl`case ${u32(k + 1)}: { return ${u32(parent)}; }`)}
        default: { return ${u32(sites[i]!.of)}; }
      }
    }`);
  return wgsl`
    fn source_of(site: u32, place: u32) -> u32 {
      switch site {
        ${cases}
        default: { return ${buffers.site("source")}; }
      }
    }`;
}

/** Mixed-radix digits of a flat index times a factor per axis, last axis fastest, as a vec4i. */
export function digits(flat: Wgsl, radix: readonly number[], factor: readonly number[]): Wgsl {
  const parts = radix.map((n, a) => {
    if (n === 1) return i32(0);
    const below = product(radix.slice(a + 1));
    const above = product(radix.slice(0, a));
    const high = below === 1 ? flat : wgsl`${flat} / ${u32(below)}`;
    const digit = above === 1 ? high : wgsl`${high} % ${u32(n)}`;
    return factor[a] === 1 ? wgsl`i32(${digit})` : wgsl`i32(${digit}) * ${i32(factor[a]!)}`;
  });
  return wgsl`vec4i(${join(parts, ", ")})`;
}
