import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { printTensor, type Call, type TensorType } from "../../parser/elaborate/host.ts";
import type { Value } from "../../parser/elaborate/values.ts";
import type { Span } from "../../parser/span.ts";
import type { Attrs, ValueId } from "../module.ts";
import { REAL, type DenseType, type DType, type FeatType, type Type, type VecType } from "../types.ts";
import { followGround } from "./ground.ts";
import type { NetUnderConstruction } from "./net.ts";
import { checkNumbers } from "./numbers.ts";
import { addParams, type ParamSpec } from "./params.ts";

/** An operand: its value, its type, and where it stands in the source. */
export interface Operand<T extends Type = Type> {
  readonly id: ValueId;
  readonly type: T;
  readonly span: Span;
}

const mostChannels = 65_536;

/** The least float32 with all its digits. */
const LEAST = 2 ** -126;

/** Whether it is within float32's range. */
export const isFloat32 = (value: number): boolean => Number.isFinite(Math.fround(value));

const signs = {
  any: { expected: "a number", fits: (): boolean => true },
  positive: { expected: "a number greater than 0", fits: (value: number): boolean => Math.fround(value) >= LEAST },
  unsigned: { expected: "0 or a number greater than 0", fits: (value: number): boolean => value >= 0 },
} as const;

const nouns = { feat: "sparse features", vec: "a vector per batch item", dense: "a dense tensor" } as const;

/** One use of a surface operation, with its arguments read by name and kind. Kinds have been checked by the elaborator. */
export class Use {
  readonly net: NetUnderConstruction;
  readonly call: Call;
  /** The operation as a message names it. */
  readonly name: string;

  constructor(net: NetUnderConstruction, name: string, call: Call) {
    this.net = net;
    this.name = name;
    this.call = call;
  }

  /** Reports a diagnostic; returns undefined for the convenience of callers that give up. */
  report(diagnostic: Diagnostic): undefined {
    this.net.report(diagnostic, this.call.via);
    return undefined;
  }

  spanOf(name: string): Span {
    return this.call.arguments.get(name)?.[0]?.span ?? this.call.span;
  }

  has(name: string): boolean {
    return this.call.arguments.has(name);
  }

  value(name: string): Value | undefined {
    return this.call.arguments.get(name)?.[0]?.value;
  }

  bool(name: string, fallback: boolean): boolean {
    const value = this.value(name);
    return value?.kind === "bool" ? value.value : fallback;
  }

  float(name: string, fallback: number): number {
    const value = this.value(name);
    return value?.kind === "int" || value?.kind === "float" ? value.value : fallback;
  }

  /** A number that float32 holds, of the sign that it must have; undefined after reporting. */
  float32(name: string, fallback: number, sign: keyof typeof signs = "any"): number | undefined {
    const value = this.float(name, fallback);
    const { expected, fits } = signs[sign];
    if (isFloat32(value) && fits(value)) return value;
    return this.report(diagnose("SP0430", { parameter: name, expected, found: value }, [{ span: this.spanOf(name), text: "cannot be computed with" }]));
  }

  /** One float32 per channel, written as a list or as one number for all; undefined after reporting. */
  perChannel(name: string, channels: number): readonly number[] | undefined {
    const value = this.value(name);
    const items = value?.kind === "list" ? value.items : value === undefined ? [] : [value];
    const list = items.map((item) => (item.kind === "int" || item.kind === "float" ? item.value : NaN));
    const beyond = list.find((v) => !isFloat32(v));
    const span = this.spanOf(name);
    if (beyond !== undefined) return this.report(diagnose("SP0430", { parameter: name, expected: "a number", found: beyond }, [{ span, text: "cannot be computed with" }]));
    if (value?.kind !== "list") return Array.from({ length: channels }, () => Math.fround(list[0]!));
    if (list.length === channels) return list.map(Math.fround);
    return this.report(diagnose("SP0470", { found: list.length, channels }, [{ span, text: `${list.length} numbers` }]));
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    return value?.kind === "text" ? value.value : undefined;
  }

  /** A required whole number. */
  whole(name: string): number {
    const value = this.value(name);
    if (value?.kind !== "int") throw new Error(`internal: ${name} of ${this.name} is no whole number`);
    return value.value;
  }

  /** Channels of the result, at least 1; undefined after reporting. */
  channels(name: string): number | undefined {
    const found = this.whole(name);
    if (found >= 1 && found <= mostChannels) return found;
    return this.report(diagnose("SP0302", { limit: mostChannels, found }, [{ span: this.spanOf(name), text: "channels of the result" }]));
  }

  /** One number per axis; undefined after reporting. */
  perAxis(name: string, dim: number, least: number, most: number): readonly number[] | undefined {
    const value = this.value(name);
    const span = this.spanOf(name);
    const list = value?.kind === "int" ? Array.from({ length: dim }, () => value.value) : value?.kind === "list" ? value.items.map((i) => (i.kind === "int" ? i.value : 0)) : undefined;
    if (list === undefined) throw new Error(`internal: ${name} of ${this.name} is no list`);
    if (list.length !== dim) return this.report(diagnose("SP0410", { parameter: name, found: list.length, expected: dim }, [{ span, text: `expected ${dim}, one per axis` }]));
    const low = list.find((n) => n < least);
    if (low !== undefined) return this.report(diagnose("SP0412", { parameter: name, least, found: low }, [{ span, text: `at least ${least}` }]));
    if (list.some((n) => n > most)) return this.report(diagnose("SP0424", { what: `\`${name}\``, limit: most }, [{ span, text: "larger than any network needs" }]));
    return list;
  }

  operand(name: string): Operand {
    return this.operands(name)[0]!;
  }

  /** All values of a variadic parameter; lists of features are taken apart. A dense tensor is features on its full grid. */
  operands(name: string): readonly Operand[] {
    return (this.call.arguments.get(name) ?? []).flatMap(({ value, span }) => {
      const values = value.kind === "list" ? value.items : [value];
      return values.flatMap((v) => {
        if (v.kind !== "tensor") return [];
        const id = this.net.gridOf(v.tensor.id) ?? v.tensor.id;
        return [{ id, type: this.net.builder.typeOf(id), span }];
      });
    });
  }

  /** The operand as sparse features of such numbers; undefined after reporting. */
  feat(name: string, numbers: readonly DType[] = REAL): Operand<FeatType> | undefined {
    return this.sparse(this.operand(name), numbers);
  }

  /** The operand when it is sparse features of such numbers; undefined after reporting. */
  sparse(operand: Operand, numbers: readonly DType[] = REAL): Operand<FeatType> | undefined {
    if (operand.type.kind === "feat" && !this.net.isGrid(operand.type)) return this.onGrid(this.#of({ ...operand, type: operand.type }, numbers));
    return this.wrongKind(operand, nouns.feat);
  }

  /** The operand as a dense tensor of real numbers, features on a full grid; undefined after reporting. */
  grid(name: string): Operand<FeatType> | undefined {
    const operand = this.operand(name);
    if (operand.type.kind === "feat" && this.net.isGrid(operand.type)) return this.#of({ ...operand, type: operand.type }, REAL);
    const channelsLast = operand.type.kind === "dense";
    return this.wrongKind(operand, channelsLast ? "a dense tensor with its channels first" : nouns.dense, channelsLast ? "choose the layout behind the last operation" : "`to_dense` makes a dense tensor of sparse features");
  }

  /** The operand as features with coordinates, sparse or a dense tensor, of such numbers; undefined after reporting. */
  cells(name: string, numbers: readonly DType[] = REAL): Operand<FeatType> | undefined {
    const operand = this.operand(name);
    if (operand.type.kind === "feat") return this.#of({ ...operand, type: operand.type }, numbers);
    return this.wrongKind(operand, `${nouns.feat} or a dense tensor with its channels first`);
  }

  /** The operand unless it is features of points, which lie on no grid; undefined after reporting. */
  onGrid(operand: Operand<FeatType> | undefined): Operand<FeatType> | undefined {
    if (operand === undefined || !this.net.isPoints(operand.type.sites)) return operand;
    return this.report(diagnose("SP0490", { operation: this.name }, [{ span: operand.span, text: `on the points ${operand.type.sites}` }], { help: { text: "`voxelize(onto=V)` brings features to voxels, `devoxelize` back to the points" } }));
  }

  /** The operand as features with rows, sparse, dense or one per batch item, of such numbers; undefined after reporting. */
  rows(name: string, numbers: readonly DType[] = REAL): Operand<FeatType | VecType> | undefined {
    return this.rowsOf(this.operand(name), numbers);
  }

  rowsOf(operand: Operand, numbers: readonly DType[] = REAL): Operand<FeatType | VecType> | undefined {
    if (operand.type.kind === "feat" || operand.type.kind === "vec") return this.#of({ ...operand, type: operand.type }, numbers);
    return this.wrongKind(operand, `${nouns.feat}, ${nouns.vec} or a dense tensor with its channels first`);
  }

  /** The operand as a vector of real numbers per batch item; undefined after reporting. */
  vec(name: string): Operand<VecType> | undefined {
    const operand = this.operand(name);
    if (operand.type.kind === "vec") return this.#of({ ...operand, type: operand.type }, REAL);
    return this.wrongKind(operand, nouns.vec);
  }

  #of<T extends FeatType | VecType>(operand: Operand<T>, numbers: readonly DType[]): Operand<T> | undefined {
    return checkNumbers(this, operand, numbers) ? operand : undefined;
  }

  wrongKind(operand: Operand, expected: string, help?: string): undefined {
    const { kind } = this.describe(operand);
    const found = nouns[kind];
    const labels = [{ span: operand.span, text: `this is \`${printTensor(this.net.typeInfo(operand.type as FeatType | VecType | DenseType))}\`` }];
    return this.report(diagnose("SP0304", { operation: this.name, expected, found }, labels, help === undefined ? {} : { help: { text: help } }));
  }

  describe(operand: Operand): TensorType {
    return this.net.typeInfo(operand.type as FeatType | VecType | DenseType);
  }

  /** Weights below the path of this use; undefined after reporting. */
  params(specs: readonly ParamSpec[]): readonly ValueId[] | undefined {
    return addParams(this, specs);
  }

  add(op: string, operands: readonly ValueId[], attrs: Attrs): ValueId {
    const value = this.net.builder.one(op, operands, attrs, this.net.loc(this.call));
    followGround(this, { name: op, attrs }, operands, value);
    return value;
  }
}
