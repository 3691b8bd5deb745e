import { ModuleBuilder } from "../../ir/builder.ts";
import { mergeLocs, type Loc } from "../../ir/loc.ts";
import { typeOf, type AttrValue, type Module, type ValueId } from "../../ir/module.ts";
import type { SiteId } from "../../ir/sites.ts";
import type { Type } from "../../ir/types.ts";
import type { MemoryDraft } from "./memory-draft.ts";
import type { DeferredDense } from "./dense-draft.ts";
import { StepLowering, WEBGPU_STEPS, type StepTarget } from "./lower-steps.ts";
import type { StepDraft } from "./step-draft.ts";

/**
 * Fused module → plan module: one op per dispatch, every constant in its specification, buffers with lifetimes,
 * parameter blocks, and one op for all of the geometry. Steps keep the order of the ops (the `schedule` pass decides it).
 */
export function lowerToPlan(module: Module, target: StepTarget = WEBGPU_STEPS): Module {
  const lowering = new StepLowering(module, target);
  for (const op of module.ops) lowering.lower(op);
  const outputs = module.outputs.map((o) => ({ ...o, buffer: outputBuffer(lowering, o.value, o.name, o.loc) }));

  const b = new ModuleBuilder("plan", module.name, module.sites);
  const params = new Map<ValueId, ValueId>();
  for (const op of module.ops) {
    if (op.name !== "param" && !op.name.startsWith("fold.")) continue;
    const [result] = b.add(op.name, op.operands.map((v) => params.get(v)!), op.attrs, op.loc);
    params.set(op.results[0]!, result!);
  }
  const blocks = lowering.steps.map((s) =>
    s.params.floats === 0 ? undefined : b.one("pack", s.params.items.map((i) => params.get(i.value)!), s.params.attrs(), s.loc),
  );
  const live = lifetimes(lowering.memory, lowering.steps, outputs.map((o) => o.buffer));
  const everywhere = mergeLocs(...module.ops.slice(0, 1).map((op) => op.loc));
  const buffers = lowering.memory.buffers.map((d, i) => b.one("buffer", [], { ...d, live: live[i]! }, everywhere));
  const regions = regionTable(lowering.steps, [...lowering.dense.deferred.values()].map((d) => d.sites), outputs.map((o) => typeOf(module, o.value)));
  const built = b.add(
    "step.geometry", [],
    { sites: lowering.geometry.siteAttrs(), rulebooks: lowering.geometry.searchAttrs(), regions: [...regions.values()] },
    everywhere,
  );
  const regionIndex = new Map([...regions.keys()].map((key, i) => [key, built[i]!]));
  lowering.steps.forEach((s, i) => {
    const operands = [...s.roles.values()].map((ref) =>
      ref.kind === "buffer" ? buffers[ref.index]! : ref.kind === "block" ? blocks[i]! : regionIndex.get(ref.key)!,
    );
    const { kind, ...spec } = s.spec;
    b.add(`step.${kind}`, operands, { roles: [...s.roles.keys()], rows: s.rows, spec: JSON.parse(JSON.stringify(spec)) as AttrValue }, s.loc);
  });
  for (const o of outputs) {
    const deferred = lowering.dense.deferred.get(o.value);
    b.output(o.name, deferred === undefined ? buffers[o.buffer]! : deferredOutput(b, deferred, buffers[o.buffer]!, typeOf(module, o.value), o.loc), o.loc);
  }
  return b.finish();
}

function deferredOutput(b: ModuleBuilder, { place, sites, layout }: DeferredDense, rows: ValueId, type: Type, loc: Loc): ValueId {
  if (type.kind !== "dense") throw new Error("internal: a deferred output that is not dense");
  const { fold, ...spec } = layout;
  return b.one("deferred", [rows], { shape: type.shape, sites, stride: place.stride, offset: place.offset, spec: { ...spec, ...(fold === undefined ? {} : { fold }) } }, loc);
}

/** The buffer of an output: tight rows of its own, so that callers get a plain array. */
function outputBuffer(lowering: StepLowering, value: ValueId, name: string, loc: Module["outputs"][number]["loc"]): number {
  const dense = lowering.dense.deferred.get(value)?.place.buffer ?? lowering.dense.buffers.get(value);
  if (dense !== undefined) return dense;
  const type = typeOf(lowering.module, value);
  if (type.kind === "feat") lowering.geometry.need(type.sites);
  const place = lowering.memory.place(value, name);
  const buffer = lowering.memory.buffers[place.buffer]!;
  if (place.stride === place.channels && buffer.input === "") return place.buffer;
  const own = lowering.memory.add({ label: name, rows: buffer.rows, shape: [place.channels], zero: false, input: "" });
  lowering.copy(value, { buffer: own, channels: place.channels, stride: place.channels, offset: 0 }, { loc });
  return own;
}

/** First and last step that touch each buffer; inputs begin before the first step, outputs last beyond the end. */
function lifetimes(memory: MemoryDraft, steps: readonly StepDraft[], outputs: readonly number[]): (readonly [number, number])[] {
  const live = memory.buffers.map((d): [number, number] => (d.input === "" && d.fractions === undefined ? [Number.POSITIVE_INFINITY, -1] : [-1, -1]));
  steps.forEach((s, i) => {
    for (const ref of s.roles.values()) {
      if (ref.kind !== "buffer") continue;
      const span = live[ref.index]!;
      span[0] = Math.min(span[0], i);
      span[1] = Math.max(span[1], i);
    }
  });
  for (const o of outputs) live[o]![1] = steps.length;
  return live.map(([first, last]) => [Number.isFinite(first) ? first : -1, last]);
}

/** Every region that a step binds or an output needs, in order of first use, with its attribute form. */
function regionTable(steps: readonly StepDraft[], deferred: readonly SiteId[], outputs: readonly ReturnType<typeof typeOf>[]): Map<string, AttrValue> {
  const regions = new Map<string, AttrValue>();
  const add = (key: string): void => {
    if (regions.has(key)) return;
    const [kind, a, form] = key.split(":");
    regions.set(key, kind === "coords" ? { coords: a! } : { rulebook: Number(a), form: form! });
  };
  for (const s of steps) for (const ref of s.roles.values()) if (ref.kind === "region") add(ref.key);
  for (const sites of deferred) add(`coords:${sites}`);
  for (const type of outputs) if (type.kind === "feat") add(`coords:${type.sites}`);
  return regions;
}
