import type { CloudSource } from "../cloud-options.ts";
import { inputError } from "../errors.ts";
import { writeFile } from "../files/read.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { outputTensors, type Outputs } from "../files/scene.ts";
import { formatOf } from "../formats/read-table.ts";
import type { Io } from "../io.ts";
import { labelledPly, sparseOutput } from "./labelled-ply.ts";
import { writeNpy } from "./npy.ts";

/**
 * Writes outputs in the format that the file's name says: .safetensors; .npy, one file per tensor, whose name goes before
 * the end (`out.fine.coords.npy`); .ply, labelled points or sites of one output. `checkOutputName` has passed the name.
 */
export function writeOutputs(file: string, outputs: Outputs, clouds: readonly CloudSource[], label: string | undefined, io: Io): void {
  const format = formatOf(file);
  if (format === "npy") {
    for (const tensor of outputTensors(outputs)) {
      const name = file.replace(/\.npy$/i, `.${tensor.name}.npy`);
      writeFile(name, writeNpy(tensor));
      io.err(`${name}  ${tensor.dtype} [${tensor.shape.join(", ")}]\n`);
    }
  } else if (format === "ply") {
    const [name, output] = sparseOutput(outputs, label);
    const { bytes, what } = labelledPly(output, clouds);
    writeFile(file, bytes);
    io.err(`${file}  ${name}: ${what}\n`);
  } else writeFile(file, writeSafetensors(outputTensors(outputs)));
}

/** SP0847 for a name whose end says no format of outputs; asked before anything runs. */
export function checkOutputName(file: string): void {
  const format = formatOf(file);
  if (!["safetensors", "npy", "ply", ""].includes(format) || /\.gz$/i.test(file)) throw inputError("SP0847", `${file}: outputs are not written as .${format}`, { help: ".safetensors, .npy or .ply" });
}
