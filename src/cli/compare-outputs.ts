import { SiteRows } from "../ir/interp/site-rows.ts";
import type { Outputs, OutputValue } from "./files/scene.ts";

/** How far one output is from its reference. */
export interface OutputError {
  readonly name: string;
  /** Elements compared. */
  readonly elements: number;
  /** max|a − b| / max|b|; Infinity where shapes or active sites differ. */
  readonly relative: number;
  /** Why nothing could be compared. */
  readonly problem?: string;
}

/** Compares outputs with a reference, sparse ones by coordinate: the order of rows does not matter. */
export function compareOutputs(outputs: Outputs, reference: Outputs): readonly OutputError[] {
  return [...reference].map(([name, wanted]) => {
    const found = outputs.get(name);
    const elements = wanted.kind === "feat" ? wanted.features.length : wanted.data.length;
    const result = found === undefined ? "it is missing" : distance(found, wanted);
    return typeof result === "string" ? { name, elements, relative: Infinity, problem: result } : { name, elements, relative: result };
  });
}

function distance(found: OutputValue, wanted: OutputValue): number | string {
  if (found.kind === "dense" && wanted.kind === "dense") {
    if (found.shape.join() !== wanted.shape.join()) return `its shape is [${found.shape.join(", ")}], expected [${wanted.shape.join(", ")}]`;
    return relativeError(wanted.data.length, (i) => found.data[i]!, (i) => wanted.data[i]!);
  }
  if (found.kind !== "feat" || wanted.kind !== "feat" || found.channels !== wanted.channels) return "it is of another kind";
  const axes = Array.from({ length: wanted.dim }, (_, i) => String(i));
  const [have, want] = [new SiteRows(axes, found.coords), new SiteRows(axes, wanted.coords)];
  if (have.count !== want.count) return `it has ${have.count} sites, expected ${want.count}`;
  const width = 1 + wanted.dim;
  const rowOf = Int32Array.from({ length: want.count }, (_, row) => have.find(want.coords, row * width));
  const lost = rowOf.indexOf(-1);
  if (lost >= 0) return `site (${want.coords.slice(lost * width, (lost + 1) * width).join(", ")}) is not active`;
  const { channels } = wanted;
  return relativeError(
    wanted.features.length,
    (i) => found.features[rowOf[Math.floor(i / channels)]! * channels + (i % channels)]!,
    (i) => wanted.features[i]!,
  );
}

/** NaN anywhere gives Infinity. */
function relativeError(length: number, a: (i: number) => number, b: (i: number) => number): number {
  let [most, scale] = [0, 0];
  for (let i = 0; i < length; i++) {
    const difference = Math.abs(a(i) - b(i));
    if (Number.isNaN(difference)) return Infinity;
    most = Math.max(most, difference);
    scale = Math.max(scale, Math.abs(b(i)));
  }
  return most === 0 ? 0 : most / scale;
}
