import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { inputError } from "../errors.ts";
import { printShape } from "../files/tensor.ts";
import { isBookkeeping, compareWeights } from "../weights/compare.ts";
import { describeComparison } from "../weights/describe.ts";
import type { Converted } from "./convert.ts";
import { isKernel, taps, type Plan, type Views } from "./plan.ts";

/** What keeps a plan from being carried out, and a warning about tensors that no one reads. */
export function describePlan(plan: Plan, views: Views, prefix: string, file: string): readonly Diagnostic[] {
  // Tensors that were found under their second name are compared under it.
  const names = new Map([...plan.readings.map(({ tensor, name }) => [tensor, name.slice(prefix.length)] as const), ...plan.missing.map(({ tensor, name }) => [tensor, name] as const), ...plan.misshapen.map(({ tensor, name }) => [tensor, name.slice(prefix.length)] as const)]);
  const comparison = compareWeights([...names].map(([tensor, name]) => ({ ...tensor, name })), views, prefix, () => true);
  const messages = [...describeComparison(comparison, file)];
  for (const { name, shape, tensor, forms, others } of plan.misshapen) {
    const expected = forms.length === 0 ? printShape(tensor.shape) : forms.map((form) => `${form.shapes({ kernel: tensor.shape.slice(0, -2), cin: tensor.shape.at(-2)!, cout: tensor.shape.at(-1)! }).map(printShape).join(" or ")} (${form.text})`).join(" or ");
    const help = others.length === 0 ? {} : { help: `it fits ${others.map(({ text }) => text).join(" and ")}: another --from, or --read ${name}=${others[0]!.name}` };
    messages.push(inputError("SP0552", `${JSON.stringify(name)} in ${file} is ${printShape(shape)}; ${plan.system.title} stores it as ${expected}`, help).diagnostic);
  }
  for (const { name, shape, forms } of plan.ambiguous) {
    const readings = forms.map(({ text, name: form }) => `${text} (--read ${name}=${form})`).join(" or ");
    messages.push(inputError("SP0551", `${JSON.stringify(name)} ${printShape(shape)} in ${file} can be read as ${readings}`, { help: "its shape does not tell; look at the layer in the model's code" }).diagnostic);
  }
  return messages;
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
    ...single.map(({ name, view }) => `${name} ${printShape(view.shape)} has one tap: its memory is read as [Cin, Cout], as spconv 2 multiplies by it (--read ${name}=k-in-out or out-k-in reads it by its shape)`),
    ...(ignored === 0 ? [] : [`ignored ${ignored} counters of training (num_batches_tracked and the like)`]),
  ].map((line) => `${line}\n`).join("");
}
