import type { Diagnostic } from "../../parser/diagnostics/diagnostic.ts";
import { inputError } from "../errors.ts";
import { printShape } from "../files/tensor.ts";
import type { Comparison } from "./compare.ts";

/** Unexpected names shown; a file may hold a whole detector around the network. */
const SHOWN = 20;

/** One message per mistake; names that a prefix would mend share one. */
export function describeComparison({ missing, misshapen, unexpected, prefix }: Comparison, file: string): readonly Diagnostic[] {
  const messages: Diagnostic[] = [];
  if (prefix !== undefined) {
    messages.push(inputError("SP0504", `${prefix.mends} of ${missing.length} missing tensors are in ${file} under the prefix \`${prefix.text}\``, { help: `--prefix ${prefix.text}` }).diagnostic);
  } else {
    for (const { tensor, like } of missing) {
      messages.push(inputError("SP0501", `\`${tensor.name}\` ${printShape(tensor.stored)} is not in ${file}`, like === undefined ? {} : { help: `did you mean \`${like}\`?` }).diagnostic);
    }
  }
  for (const { tensor, found, layout } of misshapen) {
    messages.push(
      inputError("SP0502", `\`${tensor.name}\` in ${file} is ${printShape(found)}, expected ${printShape(tensor.stored)} (layout ${tensor.layout})`, layout === undefined ? {} : { help: `it fits the layout ${layout}: --layout ${layout}` }).diagnostic,
    );
  }
  if (unexpected.length > 0 && prefix === undefined) {
    const shown = unexpected.slice(0, SHOWN).map((name) => `\`${name}\``).join(", ");
    const more = unexpected.length > SHOWN ? ` and ${unexpected.length - SHOWN} more` : "";
    messages.push({ code: "SP0703", severity: "warning", message: `${unexpected.length} tensors of ${file} are not used: ${shown}${more}`, labels: [] });
  }
  return messages;
}
