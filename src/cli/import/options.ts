import { numbers, string, type Module } from "../../ir/module.ts";
import type { Args } from "../command.ts";
import { UsageError } from "../errors.ts";
import { inputSpecs } from "../files/scene.ts";
import { FORMS, isFormName, type FormName } from "./forms.ts";
import type { Given } from "./plan.ts";

/** What the options say about a checkpoint; wrong ones are `UsageError`s. */
export function readGiven(args: Args, net: Module): Given {
  const forms = new Map<string, FormName>();
  let kernels: FormName | undefined;
  for (const entry of args.texts("read")) {
    const at = entry.lastIndexOf("=");
    const form = entry.slice(at + 1);
    if (!isFormName(form)) throw new UsageError(`--read is ${entry}, expected [NAME=]FORM with one of ${Object.keys(FORMS).join(", ")}`);
    if (at < 0) kernels = form;
    else forms.set(entry.slice(0, at), form);
  }
  return { prefix: args.text("prefix") ?? "", forms, kernels, axes: readAxes(args, net), convolved: convolvedTaps(net) };
}

function readAxes(args: Args, net: Module): readonly number[] | undefined {
  const text = args.text("axes");
  if (text === undefined) return undefined;
  const own = inputSpecs(net)[0]?.axes ?? [];
  const columns = text.split(",").map((name) => own.indexOf(name.trim()));
  if (columns.length !== own.length || new Set(columns).size !== own.length || columns.includes(-1)) throw new UsageError(`--axes is ${text}, expected the network's axes ${own.join(",")} in the order of the checkpoint's coordinates`);
  return columns;
}

/**
 * Kernels of one tap whose convolution has a stride or a padding. spconv 2 multiplies by the memory of a kernel of one
 * tap only where neither is there (`conv1x1` in spconv/pytorch/conv.py), and reads these by their shape.
 */
function convolvedTaps(net: Module): ReadonlySet<string> {
  const names = new Map(net.ops.filter((op) => op.name === "param").map((op) => [op.results[0]!, string(op.attrs, "name")]));
  const convs = net.ops.filter((op) => op.name === "conv" && numbers(op.attrs, "kernel").every((k) => k === 1));
  const strided = convs.filter((op) => numbers(op.attrs, "stride").some((s) => s !== 1) || numbers(op.attrs, "padding").some((p) => p !== 0));
  return new Set(strided.map((op) => names.get(op.operands[1]!)!));
}
