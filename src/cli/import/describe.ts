import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { inputError } from "../errors.ts";
import { printShape } from "../files/tensor.ts";
import { isBookkeeping, compareWeights } from "../weights/compare.ts";
import { describeComparison } from "../weights/describe.ts";
import type { Converted } from "./convert.ts";
import { isComplete, isKernel, kernelSizes, taps, type Plan, type Views } from "./plan.ts";
import { candidates } from "./systems.ts";
import { FORMS } from "./forms.ts";

/** Missing tensors that are named; a checkpoint of another network lacks all. */
const SHOWN = 20;

/**
 * What keeps a plan from being carried out, and a warning about tensors that no one reads. `other` is the system whose
 * names and shapes fit best, when it is another one.
 */
export function describePlan(plan: Plan, other: Plan | undefined, views: Views, prefix: string, file: string): readonly Diagnostic[] {
  const messages: Diagnostic[] = [];
  if (other !== undefined) {
    const all = plan.readings.length + plan.missing.length + plan.misshapen.length;
    const text = `${file} looks like a checkpoint of ${other.system.title}: ${other.readings.length} of ${all} tensors fit its names and shapes, ${plan.readings.length} those of ${plan.system.title}`;
    messages.push(inputError("SP0550", text, { help: `--from ${other.system.name}` }).diagnostic);
    if (isComplete(other)) return messages;
  }
  messages.push(...describeNames(plan, views, prefix, file));
  for (const { name, shape, tensor, forms, others } of plan.misshapen) {
    const expected = forms.length === 0 ? printShape(tensor.stored) : forms.map((form) => `${form.shapes(kernelSizes(tensor)).map(printShape).join(" or ")} (${form.text})`).join(" or ");
    const help = others.length === 0 ? {} : { help: `it fits ${others.map(({ text }) => text).join(" and ")}: another --from, or --read ${name}=${others[0]!.name}` };
    messages.push(inputError("SP0552", `${JSON.stringify(name)} in ${file} is ${printShape(shape)}; ${plan.system.title} stores it as ${expected}`, help).diagnostic);
  }
  for (const { name, shape, forms } of plan.ambiguous) {
    const readings = forms.map(({ text, name: form }) => `${text} (--read ${name}=${form})`).join(" or ");
    messages.push(inputError("SP0551", `${JSON.stringify(name)} ${printShape(shape)} in ${file} can be read as ${readings}`, { help: "its shape does not tell; look at the layer in the model's code" }).diagnostic);
  }
  return messages;
}

/** What is missing and what is not used, every tensor by the name and shape that the system gives it. */
function describeNames(plan: Plan, views: Views, prefix: string, file: string): readonly Diagnostic[] {
  const found = [...plan.readings, ...plan.misshapen].map(({ tensor, name }) => ({ ...tensor, name: name.slice(prefix.length) }));
  const missing = plan.missing.map(({ tensor, name }) => {
    const form = candidates(tensor, plan.system)[0]!.forms[0];
    return { ...tensor, name, stored: form === undefined ? tensor.stored : (FORMS[form].shapes(kernelSizes(tensor))[0] ?? tensor.stored) };
  });
  const comparison = compareWeights([...found, ...missing], views, prefix, () => true);
  const described = describeComparison({ ...comparison, missing: comparison.prefix === undefined ? comparison.missing.slice(0, SHOWN) : comparison.missing }, file);
  const more = comparison.prefix === undefined ? comparison.missing.length - SHOWN : 0;
  return more > 0 ? [...described, inputError("SP0501", `${more} more tensors are not in ${file}`).diagnostic] : described;
}

/** What was read and done, in a few lines. */
export function describeImport(plan: Plan, converted: readonly Converted[], views: Views): string {
  const matrices = plan.readings.filter(({ form }) => form !== undefined);
  const turned = converted.filter((c) => c.turned).length;
  const ignored = [...views.keys()].filter(isBookkeeping).length;
  const forms = [...new Set(matrices.filter(({ tensor }) => isKernel(tensor) && taps(tensor) > 1).map(({ form }) => form!.text))];
  const single = matrices.filter(({ form }) => form!.name === "memory-in-out");
  return [
    `read as ${plan.system.title}${forms.length === 0 ? "" : `: kernels ${forms.join(" and ")}`}`,
    `${matrices.length} kernels and matrices, ${turned} of them turned to the network's order; ${plan.readings.length - matrices.length} vectors`,
    ...(plan.unusual === undefined ? [] : [`every kernel is stored as ${plan.unusual.text}, by its shapes`]),
    ...single.map(({ name, view }) => `${name} ${printShape(view.shape)} has one tap: its memory is read as [Cin, Cout], as spconv 2 multiplies by it (--read ${name}=out-k-in reads it by its shape)`),
    ...(ignored === 0 ? [] : [`ignored ${ignored} counters of training (num_batches_tracked and the like)`]),
  ].map((line) => `${line}\n`).join("");
}
