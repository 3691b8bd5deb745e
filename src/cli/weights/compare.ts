import { suggest } from "../../parser/diagnostics/suggest.ts";
import { acceptedShape, storedShape } from "../../runtime/load.ts";
import { isTorchKernel, type RequiredTensor } from "./required.ts";

export interface Comparison {
  readonly missing: readonly { readonly tensor: RequiredTensor; readonly like: string | undefined }[];
  readonly misshapen: readonly { readonly tensor: RequiredTensor; readonly found: readonly number[]; readonly layout: string | undefined }[];
  /** Tensors the file has and the network does not read. */
  readonly unexpected: readonly string[];
  /** A prefix under which the file has names that are missing, the one that mends most. */
  readonly prefix: { readonly text: string; readonly mends: number } | undefined;
}

/** Buffers of PyTorch modules that mean nothing to inference. */
const BOOKKEEPING = /(^|\.)(num_batches_tracked|max_num_voxels_during_training)$/;

export const isBookkeeping = (name: string): boolean => BOOKKEEPING.test(name);

const LAYOUTS = ["spconv2", "spconv1", "minkowski"] as const;

/**
 * Compares what a network needs with what a file has, every name with `prefix` before it. `fits` says whether a tensor's
 * shape will do; by default when it is the one of the network's layout.
 */
export function compareWeights(
  required: readonly RequiredTensor[],
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  prefix = "",
  fits = (tensor: RequiredTensor, shape: readonly number[]): boolean => accepts(tensor, tensor.layout, shape),
): Comparison {
  const wanted = new Set(required.map(({ name }) => prefix + name));
  const spare = [...tensors.keys()].filter((name) => !wanted.has(name) && !isBookkeeping(name));
  const missing = required.filter(({ name }) => !tensors.has(prefix + name));
  const found = bestPrefix(missing, spare, prefix);
  const misshapen = required.flatMap((tensor) => {
    const shape = tensors.get(prefix + tensor.name)?.shape;
    if (shape === undefined || fits(tensor, shape)) return [];
    return [{ tensor, found: shape, layout: isTorchKernel(tensor) ? undefined : LAYOUTS.find((layout) => layout !== tensor.layout && accepts(tensor, layout, shape)) }];
  });
  return {
    missing: missing.map((tensor) => ({ tensor, like: found === undefined ? suggest(prefix + tensor.name, spare) : undefined })),
    misshapen,
    unexpected: spare,
    prefix: found,
  };
}

const accepts = ({ role, shape, groups }: RequiredTensor, layout: string, found: readonly number[]): boolean => acceptedShape({ role, layout, shape }, found, storedShape({ role, layout, shape, groups }));

function bestPrefix(missing: readonly RequiredTensor[], spare: readonly string[], prefix: string): Comparison["prefix"] {
  const counts = new Map<string, number>();
  for (const { name } of missing) {
    for (const have of spare) {
      if (have.endsWith(`.${name}`)) counts.set(have.slice(0, -name.length), (counts.get(have.slice(0, -name.length)) ?? 0) + 1);
    }
  }
  const [best] = [...counts].filter(([text]) => text !== prefix).sort((a, b) => b[1] - a[1] || a[0].length - b[0].length);
  // One tensor alone is more likely a slip in its name than a prefix of all.
  if (best === undefined || (best[1] < 2 && missing.length > 1)) return undefined;
  return { text: best[0], mends: best[1] };
}
