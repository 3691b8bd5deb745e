import { basename, join } from "node:path";
import { emitModule } from "../../codegen/plan/emit-module.ts";
import type { Command } from "../command.ts";
import { compileNet } from "../compile.ts";
import { writeFile } from "../files/read.ts";
import { reportPasses } from "../pass-report.ts";
import { chosenPipeline, PASS_OPTIONS } from "../passes.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { packageVersion } from "../version.ts";

export const compile: Command = {
  usage: "FILE --out DIR",
  options: { out: { value: "DIR", doc: "where NAME.ts, NAME.js and NAME.d.ts go" }, ...SOURCE_OPTIONS, ...PASS_OPTIONS },
  files: 1,
  async run(args, io) {
    const folder = args.required("out");
    const net = loadNet(args, io);
    if (net === undefined) return 1;
    const compiled = compileNet(net, chosenPipeline(args), basename(args.file));
    reportPasses(compiled.steps, args, io);
    const emitted = emitModule(compiled.program, packageVersion());
    const stem = join(folder, basename(args.file).replace(/\.(spnet|spir)$/, ""));
    for (const [ending, text] of [["ts", emitted.ts], ["js", emitted.js], ["d.ts", emitted.dts]] as const) {
      writeFile(`${stem}.${ending}`, text);
      io.out(`${stem}.${ending}\n`);
    }
    return 0;
  },
};
