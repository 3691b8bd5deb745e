/** Where in a checkpoint the weights are: `{"state_dict": …}`, `{"model_state": …, "optimizer_state": …}` and the like. */
import { inputError } from "../errors.ts";
import type { Checkpoint } from "./read-checkpoint.ts";
import { NumpyArray, Opaque, PyDict, PyList, TensorView, type Value } from "./values.ts";

/** Tensors by the names that they have inside of a part of the checkpoint. */
export interface Section {
  /** Keys that lead there, joined by `/`; empty for the whole. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorView>;
}

/** Dictionaries inside of one another that are followed; a file that has more is made to exhaust its reader. */
const MAX_DEPTH = 32;
/** Names and visits in all, over all sections. */
const MAX_NAMES = 500_000;

/**
 * Every dictionary that holds tensors (and every module that was saved whole), itself or deeper, in the order of the file. SP0557: it is nested without end, or
 * refers to the same dictionaries so often that its names have none.
 */
export function findSections(file: string, { root }: Checkpoint): readonly Section[] {
  const walker = new Walker(file);
  walker.walk(root, [], undefined);
  return walker.sections;
}

class Walker {
  readonly sections: Section[] = [];
  readonly #file: string;
  readonly #open = new Set<Value>();
  #names = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Tensors below `value`, which `parent` holds, by their dotted names there. */
  walk(value: Value, path: readonly string[], parent: Value | undefined): ReadonlyMap<string, TensorView> {
    const found = new Map<string, TensorView>();
    this.#count();
    const children = childrenOf(value);
    if (children.length === 0) return found;
    if (this.#open.has(value)) return found;
    if (path.length > MAX_DEPTH) throw inputError("SP0557", `${this.#file}: dictionaries are nested more than ${MAX_DEPTH} deep at ${path.slice(0, 4).join("/")}/…`);
    this.#open.add(value);
    const at = this.sections.length;
    for (const [name, child] of children) {
      if (child instanceof TensorView) this.#set(found, name, child);
      else for (const [below, tensor] of this.walk(child, [...path, name], value)) this.#set(found, `${name}.${below}`, tensor);
    }
    this.#open.delete(value);
    if (found.size > 0 && (value instanceof PyDict || (value instanceof Opaque && !(parent instanceof Opaque)))) this.sections.splice(at, 0, { path: path.join("/"), tensors: found });
    return found;
  }

  #set(found: Map<string, TensorView>, name: string, tensor: TensorView): void {
    this.#count();
    if (found.has(name)) throw inputError("SP0545", `${this.#file} has two tensors ${JSON.stringify(name)} (${tensor.place}, ${found.get(name)!.place})`);
    found.set(name, tensor);
  }

  #count(): void {
    if (++this.#names > MAX_NAMES) throw inputError("SP0557", `${this.#file} has more than ${MAX_NAMES} names: its dictionaries refer to one another over and over`);
  }
}

/** What may hold tensors in turn, by its key; numbers and texts do not. */
function childrenOf(value: Value): readonly (readonly [string, Value])[] {
  if (value instanceof PyDict) return holders(value.entries);
  if (value instanceof PyList) return holders(value.items.entries());
  if (!(value instanceof Opaque) || !(value.state instanceof PyDict)) return [];
  // A module that was saved whole keeps its parts in these three.
  return ["_parameters", "_buffers", "_modules"].flatMap((part) => {
    const parts = (value.state as PyDict).entries.get(part);
    return parts instanceof PyDict ? holders(parts.entries) : [];
  });
}

function holders(entries: Iterable<readonly [string | number, Value]>): readonly (readonly [string, Value])[] {
  const held: [string, Value][] = [];
  for (const [key, child] of entries) {
    const value = child instanceof NumpyArray ? (child.view ?? null) : child;
    if (value instanceof TensorView || value instanceof PyDict || value instanceof PyList || value instanceof Opaque) held.push([String(key), value]);
  }
  return held;
}

/** How many of the wanted tensors a section has by their names, and how many when something may stand before these. */
export interface Found {
  readonly exact: number;
  readonly within: number;
}

/**
 * The section that is asked for, or the one in which most of what is wanted is found; where a prefix is missing, the
 * innermost such. SP0549: there is none, or several that are as good.
 */
export function chooseSection(file: string, sections: readonly Section[], asked: string | undefined, look: (names: ReadonlySet<string>) => Found): Section {
  if (sections.length === 0) throw inputError("SP0549", `${file} holds no tensors`, { help: "save the weights: torch.save(model.state_dict(), file)" });
  if (asked !== undefined) {
    const section = sections.find(({ path }) => path === asked);
    if (section === undefined) throw inputError("SP0549", `${file} has no section ${JSON.stringify(asked)}`, { help: `it has ${list(sections)}` });
    return section;
  }
  const scored = sections.map((section) => ({ section, ...look(new Set(section.tensors.keys())) }));
  const exact = Math.max(...scored.map((s) => s.exact));
  const within = Math.max(...scored.map((s) => s.within));
  const good = scored.filter((s) => (exact > 0 ? s.exact === exact : s.within === within)).map((s) => s.section);
  const inner = exact > 0 ? good : good.filter((section) => !good.some((other) => isInside(other, section)));
  const different = inner.filter((section, i) => !inner.slice(0, i).some((other) => sameTensors(section, other)));
  if (different.length === 1) return different[0]!;
  if (within === 0) return sections[0]!;
  throw inputError("SP0549", `${file} has weights in several sections that fit as well: ${list(different)}`, { help: `say which: --section ${different.at(-1)!.path}` });
}

function list(sections: readonly Section[]): string {
  return sections.slice(0, 12).map(({ path, tensors }) => `${path === "" ? "(the whole file)" : path} with ${tensors.size} tensors`).join("; ");
}

const isInside = (inner: Section, outer: Section): boolean => (outer.path === "" ? inner.path !== "" : inner.path.startsWith(`${outer.path}/`));

const sameTensors = (a: Section, b: Section): boolean => a.tensors.size === b.tensors.size && [...a.tensors].every(([name, tensor]) => b.tensors.get(name) === tensor);
