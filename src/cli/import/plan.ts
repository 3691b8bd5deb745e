/** Which tensor of a checkpoint each tensor of a network is, and in what form it is stored there. */
import type { TensorView } from "../checkpoint/values.ts";
import { elements } from "../files/tensor.ts";
import { isTorchKernel, type RequiredTensor } from "../weights/required.ts";
import { fits, FORMS, sameOrder, type Axis, type Form, type FormName, type KernelSizes } from "./forms.ts";
import { candidates, SYSTEMS, type Candidate, type System } from "./systems.ts";

export type Views = ReadonlyMap<string, TensorView>;

/** What the user says about a checkpoint. */
export interface Given {
  readonly prefix: string;
  /** For every axis of the checkpoint's coordinates the axis of the network that it is; undefined where they agree. */
  readonly axes: readonly number[] | undefined;
  /** Forms of single tensors, by their names in the checkpoint. */
  readonly forms: ReadonlyMap<string, FormName>;
  /** The form of every kernel of several taps. */
  readonly kernels: FormName | undefined;
  /** Kernels of one tap, by their names in the network, that spconv 2 runs as it runs those of several. */
  readonly convolved: ReadonlySet<string>;
}

/** A tensor of the network and the tensor of the checkpoint that it is. */
export interface Reading {
  readonly tensor: RequiredTensor;
  /** Its name in the checkpoint. */
  readonly name: string;
  readonly view: TensorView;
  /** Undefined for tensors of one axis. */
  readonly form: Form | undefined;
}

export interface Plan {
  readonly system: System;
  readonly readings: readonly Reading[];
  readonly missing: readonly { readonly tensor: RequiredTensor; readonly name: string }[];
  readonly misshapen: readonly { readonly tensor: RequiredTensor; readonly name: string; readonly shape: readonly number[]; readonly forms: readonly Form[]; /** Forms of other systems that would fit. */ readonly others: readonly Form[] }[];
  /** Tensors that can be read in several ways; the values would differ. */
  readonly ambiguous: readonly { readonly name: string; readonly shape: readonly number[]; readonly forms: readonly Form[] }[];
  /** The form in which all kernels are stored although the system does otherwise. */
  readonly unusual: Form | undefined;
}

/** Kernels of spconv 2.1's native algorithm, and those of spconv 1 in a model that was moved to 2. */
const SPCONV2_ALSO: readonly FormName[] = ["k-in-out", "k-out-in"];

/** Looks up every required tensor as `system` names and stores it. */
export function planImport(required: readonly RequiredTensor[], views: Views, system: System, given: Given): Plan {
  const plan = planForms(required, views, system, given);
  if (system.name !== "spconv2" || given.kernels !== undefined) return plan;
  const stray = plan.misshapen.filter(({ tensor }) => isKernel(tensor) && !isTorchKernel(tensor) && taps(tensor) > 1);
  if (stray.length === 0) return plan;
  const whole = SPCONV2_ALSO.map((kernels) => planForms(required, views, system, { ...given, kernels })).filter((other) => other.misshapen.length < plan.misshapen.length && !other.misshapen.some(({ tensor }) => stray.some((s) => s.tensor === tensor)));
  if (whole.length < 2) return whole[0] ?? plan;
  // Both turned readings fit everywhere: every kernel has as many input as output channels.
  return { ...plan, misshapen: [], ambiguous: stray.map(({ name, shape }) => ({ name, shape, forms: SPCONV2_ALSO.map((form) => FORMS[form]) })) };
}

function planForms(required: readonly RequiredTensor[], views: Views, system: System, given: Given): Plan {
  const readings: Reading[] = [];
  const missing: Plan["missing"][number][] = [];
  const misshapen: Plan["misshapen"][number][] = [];
  const ambiguous: Plan["ambiguous"][number][] = [];
  for (const tensor of required) {
    const places = candidates(tensor, system);
    const found = places.flatMap((place) => {
      const view = views.get(given.prefix + place.name);
      return view === undefined ? [] : [{ name: given.prefix + place.name, view, shape: shapeAs(place.name, view.shape, given), forms: formsOf(tensor, system, place, given).map((form): Form => FORMS[form]) }];
    });
    if (found.length === 0) {
      missing.push({ tensor, name: places[0]!.name });
      continue;
    }
    const fitting = found.map((place) => ({ ...place, forms: place.forms.filter((form) => fits(form, sourceSizes(tensor, given, place.shape), place.shape)) }));
    const best = isMatrix(tensor) ? fitting.find(({ forms }) => forms.length > 0) : found.find(({ view }) => isVector(tensor, view));
    if (best === undefined) {
      const { name, view, forms } = found[0]!;
      misshapen.push({ tensor, name, shape: view.shape, forms, others: isMatrix(tensor) ? Object.values(FORMS).filter((form: Form) => form.name !== "memory-in-out" && fits(form, sourceSizes(tensor, given, view.shape), view.shape)) : [] });
      continue;
    }
    const [form, another] = distinct(best.forms, tensor);
    if (another !== undefined && isMatrix(tensor)) ambiguous.push({ name: best.name, shape: best.view.shape, forms: [form!, another] });
    readings.push({ tensor, name: best.name, view: best.view, form: isMatrix(tensor) ? form : undefined });
  }
  return { system, readings, missing, misshapen, ambiguous, unusual: given.kernels === undefined ? undefined : FORMS[given.kernels] };
}

function formsOf(tensor: RequiredTensor, system: System, { name, forms: usual }: Candidate, given: Given): readonly FormName[] {
  const said = given.forms.get(given.prefix + name) ?? given.forms.get(name);
  if (said !== undefined) return [said];
  if (system.name === "spconv2" && !isTorchKernel(tensor) && given.convolved.has(tensor.name)) return [given.kernels ?? "out-k-in"];
  return given.kernels !== undefined && isKernel(tensor) && !isTorchKernel(tensor) && taps(tensor) > 1 ? [given.kernels] : usual;
}

/**
 * A shape as it is compared. A tensor that is said to be taps in a row is one whatever its kernel: models of spconv 1 in
 * which layers of two kernels shared an indice_key were trained with the rulebook of the first.
 */
function shapeAs(name: string, shape: readonly number[], given: Given): readonly number[] {
  const said = given.forms.get(given.prefix + name) ?? given.forms.get(name);
  return (said === "taps-last" || said === "taps-first") && shape.length > 4 ? [elements(shape.slice(0, -2)), ...shape.slice(-2)] : shape;
}

export const isKernel = ({ use }: RequiredTensor): boolean => use === "kernel";

const isMatrix = ({ use }: RequiredTensor): boolean => use === "kernel" || use === "linear";

export const taps = ({ shape }: RequiredTensor): number => elements(shape.slice(0, -2));

/** Biases may be [1, C], single numbers []. */
const isVector = ({ stored }: RequiredTensor, view: TensorView): boolean => view.shape.filter((n) => n !== 1).join() === stored.filter((n) => n !== 1).join();

/** Sizes of a kernel along the axes of the network. */
export const kernelSizes = ({ shape, groups }: RequiredTensor): KernelSizes => ({ kernel: shape.slice(0, -2), cin: shape.at(-2)!, cout: shape.at(-1)!, groups });

/** Sizes of a kernel along the axes of the checkpoint. A matrix may be stored there as a kernel of one tap. */
function sourceSizes(tensor: RequiredTensor, { axes }: Given, shape: readonly number[]): KernelSizes {
  const sizes = kernelSizes(tensor);
  if (sizes.kernel.length === 0) return { ...sizes, kernel: Array<number>(Math.max(0, shape.length - 2)).fill(1) };
  return axes === undefined || axes.length !== sizes.kernel.length ? sizes : { ...sizes, kernel: axes.map((axis) => sizes.kernel[axis]!) };
}

/** Order of a stored kernel's axes in terms of the network's. */
export function sourceOrder(form: Form, tensor: RequiredTensor, { axes }: Pick<Given, "axes">): readonly Axis[] {
  const dim = tensor.shape.length - 2;
  return form.order(dim).map((axis) => (typeof axis === "number" && axes?.length === dim ? axes[axis]! : axis));
}

export function extents(tensor: RequiredTensor): (axis: Axis) => number {
  const { kernel, cin, cout, groups } = kernelSizes(tensor);
  return (axis) => (typeof axis === "number" ? kernel[axis]! : { in: cin, group: groups, out: cout / groups }[axis]);
}

/** Forms that lay a kernel out differently, the first of each kind. */
function distinct(forms: readonly Form[], tensor: RequiredTensor): readonly Form[] {
  if (!isMatrix(tensor)) return forms;
  const dim = tensor.shape.length - 2;
  return forms.filter((form, i) => !forms.slice(0, i).some((other) => sameOrder(form.order(dim), other.order(dim), extents(tensor))));
}

export const isComplete = ({ missing, misshapen }: Plan): boolean => missing.length === 0 && misshapen.length === 0;

/** Plans for every system, the ones in which everything is found first. */
export function plansForAll(required: readonly RequiredTensor[], views: Views, given: Given): readonly Plan[] {
  const plans = [...SYSTEMS.values()].map((system) => planForms(required, views, system, given));
  const found = (plan: Plan): number => plan.readings.length;
  return plans.toSorted((a, b) => Number(isComplete(b)) - Number(isComplete(a)) || found(b) - found(a));
}

/** The first tensor that two complete plans read differently. */
export function difference(a: Plan, b: Plan): { readonly a: Reading; readonly b: Reading } | undefined {
  for (const [i, reading] of a.readings.entries()) {
    const other = b.readings[i]!;
    const dim = reading.tensor.shape.length - 2;
    const same = reading.name === other.name && (reading.form === undefined || other.form === undefined ? reading.form === other.form : sameOrder(reading.form.order(dim), other.form.order(dim), extents(reading.tensor)));
    if (!same) return { a: reading, b: other };
  }
  return undefined;
}
