import { diagnose } from "../../parser/diagnostics/catalog.ts";
import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { printTensor, type Call, type TensorType } from "../../parser/elaborate/host.ts";
import type { Value } from "../../parser/elaborate/values.ts";
import type { Span } from "../../parser/span.ts";
import type { Attrs, ValueId } from "../module.ts";
import type { DenseType, FeatType, Type, VecType } from "../types.ts";
import { followGround } from "./ground.ts";
import type { NetUnderConstruction } from "./net.ts";
import { addParams, type ParamSpec } from "./params.ts";

/** An operand: its value, its type, and where it stands in the source. */
export interface Operand<T extends Type = Type> {
  readonly id: ValueId;
  readonly type: T;
  readonly span: Span;
}

const mostChannels = 65_536;

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

  text(name: string): string | undefined {
    const value = this.value(name);
    return value?.kind === "text" ? value.value : undefined;
  }

  /** Channels of the result, at least 1; undefined after reporting. */
  channels(name: string): number | undefined {
    const value = this.value(name);
    if (value?.kind !== "int") throw new Error(`internal: ${name} of ${this.name} is no whole number`);
    if (value.value >= 1 && value.value <= mostChannels) return value.value;
    return this.report(diagnose("SP0302", { limit: mostChannels, found: value.value }, [{ span: this.spanOf(name), text: "channels of the result" }]));
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

  /** All values of a variadic parameter; lists of features are taken apart. */
  operands(name: string): readonly Operand[] {
    return (this.call.arguments.get(name) ?? []).flatMap(({ value, span }) => {
      const values = value.kind === "list" ? value.items : [value];
      return values.flatMap((v) => (v.kind === "tensor" ? [{ id: v.tensor.id, type: this.net.builder.typeOf(v.tensor.id), span }] : []));
    });
  }

  /** The operand as sparse features; undefined after reporting. */
  feat(name: string): Operand<FeatType> | undefined {
    const operand = this.operand(name);
    if (operand.type.kind === "feat") return { ...operand, type: operand.type };
    return this.wrongKind(operand, nouns.feat);
  }

  /** The operand as features with rows, sparse or one per batch item; undefined after reporting. */
  rows(name: string): Operand<FeatType | VecType> | undefined {
    const operand = this.operand(name);
    if (operand.type.kind === "feat" || operand.type.kind === "vec") return { ...operand, type: operand.type };
    return this.wrongKind(operand, `${nouns.feat} or ${nouns.vec}`);
  }

  wrongKind(operand: Operand, expected: string): undefined {
    const { kind } = operand.type;
    const found = kind === "feat" || kind === "vec" || kind === "dense" ? nouns[kind] : kind;
    const labels = [{ span: operand.span, text: `this is \`${printTensor(this.net.typeInfo(operand.type as FeatType | VecType | DenseType))}\`` }];
    return this.report(diagnose("SP0304", { operation: this.name, expected, found }, labels));
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
