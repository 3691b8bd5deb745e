import fc from "fast-check";
import type { Module, ValueId } from "../../src/ir/module.ts";
import { Tape } from "../support/tape.ts";
import { Draft } from "./support.ts";

/**
 * Networks made of the blocks that passes look for, put together at random: what each fusion is for, in neighbourhoods
 * where it is legal and where it is not (a second user, an output, an order that would close a circle).
 */
class RandomNetwork {
  readonly #d: Draft;
  readonly #tape: Tape;
  /** Values of the current site set. */
  #live: ValueId[];
  readonly #marked: ValueId[] = [];

  constructor(numbers: readonly number[]) {
    this.#tape = new Tape(numbers);
    this.#d = new Draft("net", this.#tape.int(1, 5), this.#tape.bool() ? [12, 10] : "unbounded");
    this.#live = [this.#d.x];
  }

  build(): Module {
    const blocks = this.#tape.int(1, 6);
    for (let i = 0; i < blocks && !this.#tape.empty; i++) this.#block();
    const rows = this.#tape.bool() ? [this.#last] : [this.#last, ...this.#marked.slice(0, 2)];
    const dense = rows.filter((v) => this.#hasExtents(v) && this.#tape.int(0, 3) === 3).map((v) => this.#d.op("to_dense", [v]));
    const ends = [...rows.slice(dense.length > 0 && this.#tape.bool() ? 1 : 0), ...dense];
    return this.#d.finish(...new Set(ends.filter((v) => v !== this.#d.x)), ...(ends[0] === this.#d.x ? [this.#d.relu(this.#d.x)] : []));
  }

  #hasExtents(value: ValueId): boolean {
    const type = this.#d.b.typeOf(value);
    return type.kind === "feat" && this.#d.b.sites.extents(type.sites) !== undefined;
  }

  get #last(): ValueId {
    return this.#live.at(-1)!;
  }

  #push(value: ValueId): void {
    this.#live.push(value);
    if (this.#tape.int(0, 5) === 0) this.#marked.push(value);
  }

  #any(): ValueId {
    return this.#tape.int(0, 2) === 0 ? this.#tape.pick(this.#live) : this.#last;
  }

  #block(): void {
    const blocks = [this.#plain, this.#residual, this.#projected, this.#preactivated, this.#siblings, this.#gate, this.#join, this.#perceptron, this.#pool, this.#bottle, this.#linearLayers, this.#preNorm, this.#excite, this.#rowNorm];
    this.#tape.pick(blocks).call(this);
  }

  #kernel(): readonly number[] {
    return this.#tape.pick([[3, 3], [1, 3], [3, 1], [3, 3], [1, 1], [5, 3]]);
  }

  #act(x: ValueId): ValueId {
    const d = this.#d;
    switch (this.#tape.int(0, 5)) {
      case 0:
        return x;
      case 1:
        return d.op("sigmoid", [x]);
      case 2:
        return d.op("leaky_relu", [x], { slope: 0.1 });
      case 3:
        return d.op("prelu", [x, d.param(d.channels(x))]);
      default:
        return d.relu(x);
    }
  }

  #unit(x: ValueId, cout: number): ValueId {
    const y = this.#d.subm(x, cout, this.#kernel(), this.#tape.bool());
    return this.#tape.bool() ? this.#act(this.#d.bn(y)) : this.#maybeBn(this.#act(y));
  }

  #maybeBn(x: ValueId): ValueId {
    return this.#tape.bool() ? this.#d.bn(x) : x;
  }

  #plain(): void {
    this.#push(this.#unit(this.#any(), this.#tape.int(1, 6)));
  }

  #residual(): void {
    const d = this.#d;
    const x = this.#any();
    const c = d.channels(x);
    const h = d.relu(d.bn(d.subm(x, c)));
    const y = d.bn(d.subm(h, c));
    this.#push(d.relu(this.#tape.bool() ? d.add(y, x) : d.add(x, y)));
  }

  #projected(): void {
    const d = this.#d;
    const x = this.#any();
    const c = this.#tape.int(1, 6);
    const shortcut = this.#maybeBn(this.#tape.bool() ? d.linear(x, c, this.#tape.bool()) : d.subm(x, c, [1, 1]));
    const y = d.bn(d.subm(d.relu(d.bn(d.subm(x, c))), c, [3, 3], this.#tape.bool()));
    this.#push(this.#act(this.#tape.bool() ? d.add(y, shortcut) : d.add(shortcut, y)));
    if (this.#tape.int(0, 3) === 0) this.#push(shortcut);
  }

  #preactivated(): void {
    const d = this.#d;
    const x = d.subm(this.#any(), this.#tape.int(1, 6));
    const h = d.subm(d.relu(d.bn(x)), d.channels(x));
    this.#push(d.add(h, x));
  }

  #siblings(): void {
    const d = this.#d;
    const x = this.#any();
    const k = this.#kernel();
    const heads = Array.from({ length: this.#tape.int(2, 3) }, () => d.subm(x, this.#tape.int(1, 4), k, true));
    const acted = this.#tape.bool() ? heads.map((h) => d.relu(h)) : heads;
    for (const head of acted) this.#push(head);
    if (this.#tape.bool()) this.#push(d.cat(...acted));
  }

  #gate(): void {
    const d = this.#d;
    const x = this.#any();
    const g = d.op("sigmoid", [d.subm(x, d.channels(x), this.#kernel())]);
    const h = d.op("sigmoid", [d.bn(d.subm(x, d.channels(x), this.#kernel()))]);
    this.#push(d.op("mul", [d.add(g, h), x]));
  }

  #join(): void {
    const d = this.#d;
    const parts = Array.from({ length: this.#tape.int(2, 3) }, () => this.#any());
    const joined = d.cat(...parts);
    if (d.channels(joined) > 24) return;
    this.#push(joined);
    const acted = this.#tape.bool() ? d.relu(d.bn(joined)) : joined;
    this.#push(d.subm(acted, this.#tape.int(1, 4)));
    if (this.#tape.int(0, 3) === 0) this.#push(d.add(joined, acted));
  }

  #perceptron(): void {
    const d = this.#d;
    const h = d.relu(d.linear(this.#any(), this.#tape.int(1, 6), true));
    this.#push(d.linear(h, this.#tape.int(1, 6)));
    if (this.#tape.int(0, 3) === 0) this.#push(h);
  }

  /** Layers in a row with at most a bias between: wide between, so that composing pays now and then. */
  #linearLayers(): void {
    const d = this.#d;
    const middle = this.#tape.int(2, 12);
    const layer = (x: ValueId, c: number): ValueId => (this.#tape.bool() ? d.linear(x, c, this.#tape.int(0, 3) === 0) : d.subm(x, c, this.#kernel(), this.#tape.int(0, 3) === 0));
    const h = layer(this.#any(), middle);
    if (this.#tape.int(0, 3) === 0) this.#push(h);
    const y = layer(h, this.#tape.int(1, 4));
    this.#push(this.#tape.int(0, 3) === 0 ? d.add(y, layer(h, d.channels(y))) : y);
  }

  /** Norms before layers, of rows that others read too. */
  #preNorm(): void {
    const d = this.#d;
    const x = this.#act(this.#any());
    const n = d.bn(x);
    const c = d.channels(x);
    const y = this.#tape.int(0, 2) === 0 ? d.subm(n, c, this.#kernel()) : d.linear(n, c, this.#tape.bool());
    this.#push(this.#tape.bool() ? d.add(x, y) : this.#tape.bool() ? d.add(n, y) : y);
  }

  /** Squeeze and excitation, perhaps with what residual blocks do then. */
  #excite(): void {
    const d = this.#d;
    const x = this.#any();
    const squeezed = d.linear(d.op("global_pool", [x], { mode: this.#tape.pick(["avg", "max"]) }), d.channels(x), this.#tape.bool());
    const by = this.#tape.pick(["product", "product", "sum", "copy"]);
    const y = d.op("broadcast", [x, this.#tape.bool() ? d.op("sigmoid", [squeezed]) : squeezed], { by });
    this.#push(this.#act(this.#tape.bool() ? d.add(x, y) : this.#maybeBn(y)));
  }

  /** A norm by the rows themselves, of something that others may read too. */
  #rowNorm(): void {
    const d = this.#d;
    const x = this.#tape.bool() ? this.#any() : d.subm(this.#any(), this.#tape.int(1, 6));
    const c = d.channels(x);
    const params = this.#tape.bool() ? [d.param(c), d.param(c)] : [];
    const over = this.#tape.pick(["item", "batch", "row"]);
    const y = d.op("normalise", [x, ...params], { over, groups: over !== "row" && this.#tape.bool() ? c : 1, eps: 0.1 });
    this.#push(this.#tape.bool() ? this.#act(y) : d.add(this.#act(y), x));
  }

  #pool(): void {
    const mode = this.#tape.pick(["max", "avg", "sum"]);
    const attrs = { mode, kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], sites: "same", divisor: "count" };
    this.#push(this.#act(this.#d.op("pool", [this.#any()], attrs)));
  }

  /** Down, work, up by the inverse, joined with what was there. */
  #bottle(): void {
    const d = this.#d;
    const x = this.#any();
    const above = this.#live;
    const [k, p, sites] = this.#tape.pick([[3, 1, "reach"], [2, 0, "floor"], [3, 1, "floor"]] as const);
    const down = d.conv(x, this.#tape.int(1, 6), { k, p, sites });
    this.#live = [down];
    if (this.#tape.bool()) this.#block();
    const low = this.#last;
    const type = d.b.typeOf(low);
    const back = type.kind === "feat" && type.sites === (d.b.typeOf(down) as typeof type).sites;
    this.#live = above;
    if (!back) return;
    const c = this.#tape.int(1, 4);
    const g = { kernel: [k, k], stride: [2, 2], padding: [p, p], dilation: [1, 1] };
    const fine = d.b.typeOf(x);
    const up = d.op("up", [low, d.param(k, k, d.channels(low), c)], { ...g, onto: fine.kind === "feat" ? fine.sites : "" });
    this.#push(this.#maybeBn(up));
    if (this.#tape.bool()) this.#push(d.cat(this.#last, x));
    this.#push(this.#unit(this.#last, this.#tape.int(1, 4)));
  }
}

export const networks: fc.Arbitrary<Module> = fc.array(fc.nat(1_000_000), { maxLength: 200, minLength: 4, size: "max" }).map((numbers) => new RandomNetwork(numbers).build());
