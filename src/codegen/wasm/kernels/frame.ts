import { ARG, TILE } from "../../../runtime/cpu/fields.ts";
import { Func, type Local } from "../func.ts";
import { i32, type Sexpr } from "../wat.ts";

/** What every function that threads share the units of has. */
export class UnitFunc {
  readonly f: Func;
  readonly arg: Local;
  /** Address of this thread's scratch memory. */
  readonly scratch: Local;
  readonly unit: Local;
  readonly #units: Local;

  constructor(name: string) {
    this.f = new Func(name, { exported: true });
    this.arg = this.f.param("arg");
    this.scratch = this.f.param("scratch");
    this.unit = this.f.local("unit");
    this.#units = this.f.let("units", i32.load(this.arg.get, 4 * ARG.units));
  }

  /** A local with word `index` of the arguments. */
  word(name: string, index: number): Local {
    return this.f.let(name, i32.load(this.arg.get, 4 * index));
  }

  /** Claims units one at a time until none are left; who computes a unit does not change what it gives. */
  eachUnit(body: () => void): void {
    const claim: Sexpr = ["i32.atomic.rmw.add", this.arg.get, ["i32.const", "1"]];
    this.f.add(this.unit.set(claim));
    this.f.while(i32.ltU(this.unit.get, this.#units.get), () => {
      body();
      this.f.add(this.unit.set(claim));
    });
  }
}

/** A feature step: units are tiles of 64 output rows × groups of columns. */
export class StepFunc extends UnitFunc {
  readonly rows: Local;
  readonly tile: Local;
  /** Group of columns, when there are several. */
  readonly group: Local;
  /** First row of the tile and how many rows it has. */
  readonly first: Local;
  readonly count: Local;
  readonly #roles = new Map<string, Local>();
  readonly #bindings: string[];

  constructor(name: string, bindings: readonly string[]) {
    super(name);
    this.rows = this.word("rows", ARG.rows);
    this.#bindings = [...bindings];
    bindings.forEach((role, i) => this.#roles.set(role, this.word(`at_${role}`, ARG.first + i)));
    this.tile = this.f.local("tile");
    this.group = this.f.local("group");
    this.first = this.f.local("first");
    this.count = this.f.local("count");
  }

  get bindings(): readonly string[] {
    return this.#bindings;
  }

  /** Address of what a role is bound to. */
  at(role: string): Sexpr {
    const local = this.#roles.get(role);
    if (local === undefined) throw new Error(`internal: no binding ${role}`);
    return local.get;
  }

  eachTile(groups: number, body: () => void): void {
    this.eachUnit(() => {
      this.f.add(
        this.tile.set(groups === 1 ? this.unit.get : i32.divU(this.unit.get, groups)),
        this.group.set(groups === 1 ? 0 : i32.remU(this.unit.get, groups)),
        this.first.set(i32.mul(this.tile.get, TILE)),
        this.count.set(i32.minU(i32.sub(this.rows.get, this.first.get), TILE)),
      );
      body();
    });
  }
}
