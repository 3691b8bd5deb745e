/**
 * `reuse-rulebooks`: value numbering of rulebooks. A search is decided by its two site sets, its stride and the offsets
 * r·d − p of its taps per axis, so two searches with equal offsets are one, and a search whose offsets are a part of
 * another's reads some taps of that one's block. A transposed rulebook is the transpose of the stored forward search,
 * sliced after transposing so that all inverse convolutions of a relation read one block.
 *
 * Searches depend on coordinates only, so the larger search may come later in the module: it is hoisted.
 */
import type { Loc } from "../ir/loc.ts";
import { numbers, type Attrs, type Module, type Op, type ValueId } from "../ir/module.ts";
import { geometryOf } from "../ir/ops/conv.ts";
import { kernelVolume, mirrors } from "../ir/ops/rulebook.ts";
import { bool } from "./options.ts";
import { definePass } from "./pass.ts";
import { Rewriter } from "./rewrite/rewriter.ts";

type Stat = "searches" | "shared" | "sliced" | "transposed" | "mirrored";

/** A search that stays: the largest of its relation, or one that no other contains. */
interface Root {
  readonly key: string;
  readonly attrs: Attrs;
  readonly loc: Loc;
  readonly offsets: readonly (readonly number[])[];
}

/** What a rulebook value is: some taps of a root, forward or transposed. */
interface Book {
  readonly root: Root;
  readonly transposed: boolean;
  readonly kernel: readonly number[];
  /** Flat tap of the root for each tap. */
  readonly taps: readonly number[];
}

export const reuseRulebooks = definePass({
  name: "reuse-rulebooks",
  summary: "builds each rulebook once: equal searches, inverses as transposes, smaller kernels as slices, half searches where a kernel mirrors itself",
  legality: [
    "Two searches are the same when they join the same site sets with the same stride and the same tap offsets r·d − p.",
    "A search is a slice of another on the same sites and stride when its tap offsets are a part of the other's on every axis.",
    "Half a search is enough for one site set, stride 1 and an odd, centred kernel: the pairs of tap −o are those of tap o exchanged.",
  ],
  from: "fused",
  to: "fused",
  options: {
    slices: bool(true, "read a smaller kernel's taps from a larger kernel's rulebook"),
    mirrored: bool(true, "search half the taps where the other half are their mirror images"),
  },
  stats: {
    searches: "searches that remain",
    shared: "rulebooks found equal to another",
    sliced: "rulebooks read as a slice of a larger kernel's",
    transposed: "rulebooks read as the transpose of a forward search",
    mirrored: "searches done by half",
  },
  run(module, { options, stat, remark }) {
    return new Reuse(module, options, stat, (loc, text) => remark("done", loc, text)).run();
  },
});

class Reuse {
  readonly #rw: Rewriter;
  readonly #stat: (name: Stat) => void;
  readonly #done: (loc: Loc, text: string) => void;
  readonly #rootOf: ReadonlyMap<string, Root>;
  readonly #books = new Map<ValueId, Book>();
  /** Value number → the value that stays. */
  readonly #values = new Map<string, ValueId>();
  /** Numbers of searches made before their own op was met. */
  readonly #hoisted = new Set<string>();
  readonly #mirror: boolean;

  constructor(module: Module, options: { readonly slices: boolean; readonly mirrored: boolean }, stat: (name: Stat) => void, done: (loc: Loc, text: string) => void) {
    this.#rw = new Rewriter(module);
    this.#stat = stat;
    this.#done = done;
    this.#rootOf = findRoots(module.ops, options.slices);
    this.#mirror = options.mirrored;
  }

  run(): Module {
    this.#rw.sweep((op) => this.#visit(op));
    return this.#rw.finish();
  }

  #visit(op: Op): boolean {
    const book = this.#bookOf(op);
    if (book === undefined) return true;
    const result = op.results[0]!;
    const number = numberOf(book);
    const known = this.#values.get(number);
    if (known !== undefined) {
      if (op.name !== "rulebook.search" || !this.#hoisted.delete(number)) this.#stat("shared");
      this.#rw.replace(result, known);
      return false;
    }
    if (this.#isAsItStays(op, book)) {
      this.#values.set(number, result);
      this.#books.set(result, book);
      this.#count(op.name, op.attrs["mirrored"] === true);
      return true;
    }
    this.#rw.replace(result, this.#value(book, op.loc));
    this.#hoisted.delete(number);
    return false;
  }

  #bookOf(op: Op): Book | undefined {
    switch (op.name) {
      case "rulebook.search": {
        const root = this.#rootOf.get(searchKey(op.attrs));
        if (root === undefined) throw new Error("internal: a search without a root");
        return { root, transposed: false, kernel: numbers(op.attrs, "kernel"), taps: tapsWithin(offsetsOf(op.attrs), root.offsets) };
      }
      case "rulebook.transpose": {
        const parent = this.#books.get(op.operands[0]!);
        return parent === undefined ? undefined : { ...parent, transposed: !parent.transposed };
      }
      case "rulebook.slice": {
        const parent = this.#books.get(op.operands[0]!);
        if (parent === undefined) return undefined;
        const taps = numbers(op.attrs, "taps").map((t) => parent.taps[t]!);
        return { ...parent, kernel: numbers(op.attrs, "kernel"), taps };
      }
      default:
        return undefined;
    }
  }

  /** Whether the op already has the form in which its book stays, so that keeping it changes nothing. */
  #isAsItStays(op: Op, book: Book): boolean {
    switch (op.name) {
      case "rulebook.search":
        return whole(book) && (op.attrs["mirrored"] === true) === this.#half(op.attrs);
      case "rulebook.transpose":
        return whole(book) && this.#isForwardRoot(op.operands[0]!);
      default:
        return !whole(book) && whole(this.#books.get(op.operands[0]!)!);
    }
  }

  #isForwardRoot(value: ValueId): boolean {
    const book = this.#books.get(value);
    return book !== undefined && !book.transposed && whole(book);
  }

  /** The value of a book, made of the root's search when it is not there yet. */
  #value(book: Book, loc: Loc): ValueId {
    const number = numberOf(book);
    const known = this.#values.get(number);
    if (known !== undefined) return known;
    const value = this.#make(book, loc);
    this.#values.set(number, value);
    this.#books.set(value, book);
    return value;
  }

  #make(book: Book, loc: Loc): ValueId {
    const { root } = book;
    if (!whole(book)) {
      const parent = this.#value(wholeOf(root, book.transposed), loc);
      this.#count("rulebook.slice", false);
      this.#done(loc, `[${book.kernel.join(", ")}] is a slice of the [${numbers(root.attrs, "kernel").join(", ")}] rulebook on the same sites`);
      return this.#rw.one("rulebook.slice", [parent], { kernel: book.kernel, taps: book.taps }, loc);
    }
    if (book.transposed) {
      const forward = this.#value(wholeOf(root, false), root.loc);
      this.#count("rulebook.transpose", false);
      return this.#rw.one("rulebook.transpose", [forward], {}, loc);
    }
    const half = this.#half(root.attrs);
    this.#count("rulebook.search", half);
    this.#hoisted.add(numberOf(book));
    return this.#rw.one("rulebook.search", [], { ...root.attrs, mirrored: half }, root.loc);
  }

  /** Counts a rulebook that the module has from here on. */
  #count(name: string, half: boolean): void {
    if (name === "rulebook.transpose") this.#stat("transposed");
    else if (name === "rulebook.slice") this.#stat("sliced");
    else this.#stat("searches");
    if (half) this.#stat("mirrored");
  }

  /** Whether a root is to be searched by half. */
  #half(attrs: Attrs): boolean {
    if (attrs["mirrored"] === true) return true;
    return this.#mirror && attrs["from"] === attrs["to"] && mirrors(geometryOf(attrs));
  }
}

const identity = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

function wholeOf(root: Root, transposed: boolean): Book {
  const kernel = numbers(root.attrs, "kernel");
  return { root, transposed, kernel, taps: identity(kernelVolume(kernel)) };
}

const whole = ({ root, taps }: Book): boolean => taps.length === kernelVolume(numbers(root.attrs, "kernel")) && taps.every((t, i) => t === i);

const numberOf = ({ root, transposed, kernel, taps }: Book): string => `${root.key}|${transposed}|${kernel.join("x")}|${taps.join(",")}`;

/** Tap offsets r·d − p per axis. */
function offsetsOf(attrs: Attrs): readonly (readonly number[])[] {
  const { kernel, padding, dilation } = geometryOf(attrs);
  return kernel.map((k, axis) => identity(k).map((r) => r * dilation[axis]! - padding[axis]!));
}

const relationKey = (attrs: Attrs): string => JSON.stringify([attrs["from"], attrs["to"], attrs["stride"]]);

const searchKey = (attrs: Attrs): string => `${relationKey(attrs)}${JSON.stringify(offsetsOf(attrs))}`;

/** Flat tap of the larger kernel for each flat tap of the smaller one. */
function tapsWithin(offsets: Root["offsets"], larger: Root["offsets"]): readonly number[] {
  let taps: readonly number[] = [0];
  offsets.forEach((axis, i) => {
    const places = axis.map((offset) => larger[i]!.indexOf(offset));
    taps = taps.flatMap((tap) => places.map((place) => tap * larger[i]!.length + place));
  });
  return taps;
}

const contains = (larger: Root, smaller: Root): boolean => smaller.offsets.every((axis, i) => axis.every((offset) => larger.offsets[i]!.includes(offset)));

const volume = (root: Root): number => kernelVolume(numbers(root.attrs, "kernel"));

/** For every search key of the module the search that serves it: the smallest of those that no other contains. */
function findRoots(ops: readonly Op[], slices: boolean): ReadonlyMap<string, Root> {
  const relations = new Map<string, Map<string, Root>>();
  for (const op of ops) {
    if (op.name !== "rulebook.search") continue;
    const key = searchKey(op.attrs);
    const relation = relations.get(relationKey(op.attrs)) ?? new Map<string, Root>();
    relations.set(relationKey(op.attrs), relation);
    if (!relation.has(key)) relation.set(key, { key, attrs: op.attrs, loc: op.loc, offsets: offsetsOf(op.attrs) });
  }
  const rootOf = new Map<string, Root>();
  for (const relation of relations.values()) {
    const roots: Root[] = [];
    for (const search of [...relation.values()].sort((a, b) => volume(b) - volume(a))) {
      const larger = slices ? roots.findLast((root) => contains(root, search)) : undefined;
      if (larger === undefined) roots.push(search);
      rootOf.set(search.key, larger ?? search);
    }
  }
  return rootOf;
}
