import { isObject, type AttrValue } from "../../ir/module.ts";
import type { TileChoice } from "../wgsl/kernels/shape.ts";

/** Changes when a kernel comes to mean something else by the same choice: older caches are void then. */
export const SEMANTICS = 1;

const FORMAT = "spnet tuning 1";

/** What was found best for one network on one machine. */
export interface TuningEntry {
  readonly target: "webgpu" | "wasm";
  /** The adapter or processor, in words. */
  readonly adapter: string;
  /** Digest of the kernels' text that the network has without tuning. */
  readonly kernels: string;
  readonly network: string;
  readonly pipeline: string;
  readonly tiles: Readonly<Record<string, TileChoice>>;
  /** Medians on the scene that it was measured on: as compiled without tuning, and with. */
  readonly milliseconds: { readonly standard: number; readonly tuned: number };
}

export interface TuningCache {
  readonly semantics: number;
  readonly entries: readonly TuningEntry[];
}

export const EMPTY_CACHE: TuningCache = { semantics: SEMANTICS, entries: [] };

/** The text of a cache file. */
export const printCache = (cache: TuningCache): string => `${JSON.stringify({ format: FORMAT, ...cache }, null, 2)}\n`;

/** A cache, or what is wrong with the text. */
export function readCache(text: string): TuningCache | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
  const file = value as AttrValue | null;
  if (file === null || !isObject(file) || file["format"] !== FORMAT) return `it does not say "format": "${FORMAT}"`;
  const { semantics, entries } = file;
  if (typeof semantics !== "number" || !Array.isArray(entries)) return "semantics or entries are missing";
  const bad = entries.findIndex((entry: AttrValue) => !isEntry(entry));
  return bad < 0 ? { semantics, entries: entries as unknown as readonly TuningEntry[] } : `entry ${bad} is malformed`;
}

function isEntry(entry: AttrValue): boolean {
  if (!isObject(entry)) return false;
  const { target, milliseconds, tiles } = entry;
  const texts = ["adapter", "kernels", "network", "pipeline"].every((key) => typeof entry[key] === "string");
  const times = isObject(milliseconds) && ["standard", "tuned"].every((key) => typeof milliseconds[key] === "number");
  const shapes = isObject(tiles) && Object.values(tiles).every((t) => isObject(t) && ["threads", "perThread"].every((key) => Number.isInteger(t[key])));
  return texts && times && shapes && (target === "webgpu" || target === "wasm");
}

/** What an entry must fit. Without an adapter any will do, if there is one only. */
export interface Wanted {
  readonly target: TuningEntry["target"];
  readonly kernels: string;
  readonly adapter: string | undefined;
}

/** The entry for a network on a machine, or in words why there is none. */
export function findEntry(cache: TuningCache, { target, kernels, adapter }: Wanted): TuningEntry | string {
  if (cache.semantics !== SEMANTICS) return `it was made for version ${cache.semantics} of the kernels' semantics, this is ${SEMANTICS}`;
  const here = cache.entries.filter((e) => e.target === target);
  if (here.length === 0) return `it has nothing for ${target}`;
  const same = here.filter((e) => e.kernels === kernels);
  if (same.length === 0) return `it was made for other kernels than this network has now (${here.map((e) => e.network).join(", ")})`;
  const found = same.filter((e) => adapter === undefined || e.adapter === adapter);
  if (found.length === 0) return `it was made on ${same.map((e) => e.adapter).join(", ")}, this is ${adapter}`;
  if (found.length > 1) return `it has entries of several adapters: ${found.map((e) => e.adapter).join(", ")}; choose one with --adapter`;
  return found[0]!;
}

/** The cache with an entry in place of an older one for the same network and machine; entries of other semantics go. */
export function withEntry(cache: TuningCache, entry: TuningEntry): TuningCache {
  const others = cache.semantics === SEMANTICS ? cache.entries.filter((e) => e.target !== entry.target || e.kernels !== entry.kernels || e.adapter !== entry.adapter) : [];
  return { semantics: SEMANTICS, entries: [...others, entry] };
}
