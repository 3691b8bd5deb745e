import { isObject, type AttrValue } from "../../ir/module.ts";
import type { Tile } from "./tiles.ts";

/** Changes when a kernel comes to mean something else by the same choice: older caches are void then. */
export const SEMANTICS = 1;

const FORMAT = "spnet tuning 2";

/** What was found best for one network on one machine. */
export interface TuningEntry {
  readonly target: "webgpu" | "wasm";
  /** The adapter or processor, in words. */
  readonly adapter: string;
  /** Digest of the kernels' text that the network has without tuning. */
  readonly kernels: string;
  readonly network: string;
  readonly pipeline: string;
  readonly tiles: Readonly<Record<string, Tile>>;
  /** Medians on the scene that it was measured on: as compiled without tuning, and with. */
  readonly milliseconds: { readonly standard: number; readonly tuned: number };
  /** Rounds that gave the medians, and runs in each sample. */
  readonly samples: { readonly rounds: number; readonly repetitions: number };
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
  const { target, milliseconds, samples, tiles } = entry;
  const texts = ["adapter", "kernels", "network", "pipeline"].every((key) => typeof entry[key] === "string");
  const times = isObject(milliseconds) && ["standard", "tuned"].every((key) => typeof milliseconds[key] === "number");
  const counts = isObject(samples) && ["rounds", "repetitions"].every((key) => Number.isInteger(samples[key]));
  const shape = target === "webgpu" ? ["threads", "perThread"] : ["rows", "columns"];
  const shapes = isObject(tiles) && Object.values(tiles).every((t) => isObject(t) && shape.every((key) => Number.isInteger(t[key])));
  return texts && times && counts && shapes && (target === "webgpu" || target === "wasm");
}

/** Takes an entry of any adapter. */
export const ANY_ADAPTER = "any";

/** What an entry must fit. */
export interface Wanted {
  readonly target: TuningEntry["target"];
  readonly kernels: string;
  /** The adapter that a person named: its name, a part of it that is no other's, or `any`. */
  readonly named?: string | undefined;
  /** The adapter that the network runs on, where that is known. */
  readonly here?: string | undefined;
}

/** Why there is no entry: those that there are were made for something else, or are of adapters that nobody asked for. */
export interface NoEntry {
  readonly because: "unfit" | "adapter";
  readonly why: string;
}

/**
 * The entry for a network on a machine, or in words why there is none. What one adapter has measured says nothing about
 * another: an entry is taken for the adapter that the network runs on, or that is named; none just because it is the only one.
 */
export function findEntry(cache: TuningCache, { target, kernels, named, here }: Wanted): TuningEntry | NoEntry {
  const unfit = (why: string): NoEntry => ({ because: "unfit", why });
  if (cache.semantics !== SEMANTICS) return unfit(`it was made for version ${cache.semantics} of the kernels' semantics, this is ${SEMANTICS}`);
  const ours = cache.entries.filter((e) => e.target === target);
  if (ours.length === 0) return unfit(`it has nothing for ${target}`);
  const same = ours.filter((e) => e.kernels === kernels);
  if (same.length === 0) return unfit(`it was made for other kernels than this network has now (${ours.map((e) => e.network).join(", ")})`);
  const other = (why: string): NoEntry => ({ because: "adapter", why: `it was made on ${same.map((e) => e.adapter).join("; ")}, ${why}` });
  if (named === undefined) {
    const found = same.find((e) => e.adapter === here);
    if (found !== undefined) return found;
    return other(here === undefined ? `which adapter this is for is not known: name it with --adapter, or take any with --adapter ${ANY_ADAPTER}` : `this is ${here}`);
  }
  const exact = same.filter((e) => e.adapter === named);
  const found = exact.length > 0 ? exact : same.filter((e) => named === ANY_ADAPTER || e.adapter.toLowerCase().includes(named.toLowerCase()));
  if (found.length === 0) return other(`--adapter is ${named}`);
  return found.length === 1 ? found[0]! : other(`and --adapter ${named} means several of them`);
}

export const isEntryFound = (found: TuningEntry | NoEntry): found is TuningEntry => "pipeline" in found;

/** The cache with an entry in place of an older one for the same network and machine; entries of other semantics go. */
export function withEntry(cache: TuningCache, entry: TuningEntry): TuningCache {
  const others = cache.semantics === SEMANTICS ? cache.entries.filter((e) => e.target !== entry.target || e.kernels !== entry.kernels || e.adapter !== entry.adapter) : [];
  return { semantics: SEMANTICS, entries: [...others, entry] };
}
