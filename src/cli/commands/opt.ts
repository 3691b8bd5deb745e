import { lowerToPlan } from "../../codegen/plan/lower.ts";
import { printModule } from "../../ir/print.ts";
import type { Instrument } from "../../passes/instrument/instrument.ts";
import { printing } from "../../passes/instrument/print.ts";
import { checkStart } from "../../passes/manager.ts";
import { parsePipeline, PIPELINE_FILE, type Pipeline } from "../../passes/pipeline.ts";
import type { Args, Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { writeFile } from "../files/read.ts";
import { reportPasses } from "../pass-report.ts";
import { fuse, PASS_OPTIONS } from "../passes.ts";
import { reportDiagnostics } from "../report.ts";
import { loadSpir } from "../source.ts";

export const opt: Command = {
  usage: "FILE.spir --pipeline=PASS,PASS{option=value}",
  options: {
    pipeline: { value: "TEXT", doc: "the passes to run, in order" },
    plan: { doc: "lower the result to a plan" },
    output: { value: "FILE", short: "o", doc: "where the result goes (default: printed)" },
    "print-before": { value: "PASS", doc: "print the module as this pass gets it, on the error stream" },
    "print-after": { value: "PASS", doc: "print the module as this pass leaves it, on the error stream" },
    "print-after-all": { doc: "print the module after every pass that changed it, on the error stream" },
    remarks: PASS_OPTIONS["remarks"]!,
    stats: PASS_OPTIONS["stats"]!,
  },
  files: 1,
  async run(args, io) {
    const text = args.text("pipeline") ?? "";
    const sources = new Map([[PIPELINE_FILE, { name: PIPELINE_FILE, text }]]);
    const { pipeline, diagnostics } = parsePipeline(text);
    reportDiagnostics(diagnostics, sources, io);
    if (pipeline === undefined) return 1;
    const module = loadSpir(args.file, io);
    if (module === undefined) return 1;
    const misfit = checkStart(pipeline, module);
    if (misfit !== undefined) {
      reportDiagnostics([misfit], sources, io);
      return 1;
    }
    const result = fuse(module, pipeline, printers(args, pipeline, (t) => io.err(t)));
    reportPasses(result.steps, args, io);
    const printed = printModule(args.flag("plan") ? lowerToPlan(result.module) : result.module);
    const output = args.text("output");
    if (output === undefined) io.out(printed);
    else writeFile(output, printed);
    return 0;
  },
};

/** The instruments that the options ask for. */
function printers(args: Args, pipeline: Pipeline, write: (text: string) => void): readonly Instrument[] {
  const chosen = (option: string): readonly string[] => {
    const name = args.text(option);
    if (name === undefined) return [];
    const names = pipeline.map((step) => step.pass.name);
    if (!names.includes(name)) throw new UsageError(`--${option} is ${name}, the pipeline runs ${names.join(", ")}`);
    return [name];
  };
  const some = printing({ before: chosen("print-before"), after: chosen("print-after"), write });
  return args.flag("print-after-all") ? [some, printing({ after: "all", onlyChanged: true, write })] : [some];
}
