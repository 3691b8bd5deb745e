import type { Args, Command } from "../command.ts";
import { readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { chooseSection, findSections, type Found } from "../checkpoint/sections.ts";
import { inputError, UsageError } from "../errors.ts";
import { readBytes, writeFile } from "../files/read.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { printShape } from "../files/tensor.ts";
import { convert } from "../import/convert.ts";
import { describeImport, describePlan } from "../import/describe.ts";
import { draftNet } from "../import/draft.ts";
import { FORMS } from "../import/forms.ts";
import { readGiven } from "../import/options.ts";
import { difference, isComplete, planImport, plansForAll, type Given, type Plan, type Views } from "../import/plan.ts";
import { candidates, SYSTEMS, type System } from "../import/systems.ts";
import { reportDiagnostics } from "../report.ts";
import { loadNet, SOURCE_OPTIONS } from "../source.ts";
import { requiredTensors, type RequiredTensor } from "../weights/required.ts";

const SYSTEM_NAMES = [...SYSTEMS.keys()];

export const importCommand: Command = {
  usage: "CHECKPOINT --from SYSTEM --net FILE --out W.safetensors | --from SYSTEM --draft [--out NET.spnet]",
  options: {
    from: { value: SYSTEM_NAMES.join("|"), doc: "the system whose checkpoint it is (default: the one that names and shapes tell)" },
    net: { value: "FILE", doc: "the network that the weights are for; they are written as it stores them" },
    out: { value: "FILE", short: "o", doc: "where they go (default: they are only checked)" },
    prefix: { value: "TEXT", doc: "what stands before every name in the checkpoint" },
    section: { value: "PATH", doc: "the dictionary in the checkpoint that holds the weights (default: where the network's names are)" },
    read: { value: "[NAME=]FORM", multiple: true, doc: `how one tensor, or every kernel, is stored: ${Object.keys(FORMS).join(", ")}` },
    axes: { value: "z,y,x", doc: "the network's axes in the order of the checkpoint's coordinates (default: the same order)" },
    "skip-objects": { doc: "leave out objects of unknown classes beside the weights, unmade" },
    draft: { doc: "write a first network from names and shapes instead" },
    "net-name": { value: "NAME", doc: "which net of the file, when it has several" },
    set: SOURCE_OPTIONS["set"]!,
  },
  files: 1,
  async run(args, io) {
    const bytes = readBytes(args.file);
    const checkpoint = readCheckpoint(args.file, bytes, { skipObjects: args.flag("skip-objects") });
    const sections = findSections(args.file, checkpoint);
    const system = chosenSystem(args);
    const prefix = args.text("prefix") ?? "";
    if (args.flag("draft")) {
      const section = chooseSection(args.file, sections, args.text("section"), (names) => ({ exact: 0, within: names.size }));
      if (system === undefined) throw new UsageError("--draft needs --from: layers are named and shaped by the system");
      const text = draftNet(args.file, section.tensors, prefix, system);
      const out = args.text("out");
      if (out === undefined) io.out(text);
      else writeFile(out, text);
      return 0;
    }
    const net = loadNet(netArgs(args), io);
    if (net === undefined) return 1;
    const required = requiredTensors(net);
    const whole = required.find(({ dtype }) => dtype !== "f32");
    if (whole !== undefined) throw inputError("SP0558", `the network computes in whole numbers (${JSON.stringify(whole.name)} is ${whole.dtype}); its checkpoint is not converted but read as it is`, { help: "the layouts `hawq` and `esda` name and shape tensors as such checkpoints do: save one as safetensors, `spnet weights NET --against FILE` compares it, `spnet run --weights FILE` reads it" });
    const given = readGiven(args, net);
    const section = chooseSection(args.file, sections, args.text("section"), (names) => lookFor(required, names, prefix, system));
    io.out(`${args.file}: ${checkpoint.kind}${section.path === "" ? "" : `, section ${section.path}`}, ${section.tensors.size} tensors\n`);
    checkReadNames(args.file, section.tensors, given);
    const plan = system === undefined ? detect(args.file, required, section.tensors, given) : planImport(required, section.tensors, system, given);
    const other = isComplete(plan) ? undefined : betterSystem(plan, required, section.tensors, given);
    if (reportDiagnostics(describePlan(plan, other, section.tensors, prefix, args.file), new Map(), io)) return 1;
    const converted = plan.readings.map((reading) => convert(reading, given));
    io.out(describeImport(plan, converted, section.tensors));
    const out = args.text("out");
    if (out === undefined) return 0;
    const file = writeSafetensors(converted.map(({ tensor }) => tensor));
    writeFile(out, file);
    io.out(`${out}: ${converted.length} tensors, ${file.byteLength} bytes\n`);
    return 0;
  },
};

function chosenSystem(args: Args): System | undefined {
  const name = args.text("from");
  if (name === undefined) return undefined;
  const system = SYSTEMS.get(name);
  if (system === undefined) throw new UsageError(`--from is ${name}, expected ${SYSTEM_NAMES.join(", ")}`);
  return system;
}

/** The command line as those commands have it that take the network as their file. */
function netArgs(args: Args): Args {
  return args.withFile(args.required("net"), { net: args.text("net-name"), set: args.texts("set") });
}

/** How many of the required tensors are there, as the system, or any, names them. */
function lookFor(required: readonly RequiredTensor[], names: ReadonlySet<string>, prefix: string, system: System | undefined): Found {
  const suffixes = new Set([...names].flatMap((name) => [...name.matchAll(/\./g)].map((dot) => name.slice(dot.index + 1))));
  const counts = (system === undefined ? [...SYSTEMS.values()] : [system]).map((s) => {
    const places = required.map((tensor) => candidates(tensor, s).map(({ name }) => name));
    return {
      exact: places.filter((some) => some.some((name) => names.has(prefix + name))).length,
      within: places.filter((some) => some.some((name) => names.has(name) || suffixes.has(name))).length,
    };
  });
  return { exact: Math.max(...counts.map((c) => c.exact)), within: Math.max(...counts.map((c) => c.within)) };
}

function checkReadNames(file: string, views: Views, given: Given): void {
  for (const name of given.forms.keys()) {
    if (!views.has(name) && !views.has(given.prefix + name)) throw inputError("SP0556", `--read names ${JSON.stringify(name)}, which is not in ${file}`);
  }
}

/**
 * The plan of the system that names and shapes tell, or of the one whose names come closest. SP0555: several would give
 * other values each.
 */
function detect(file: string, required: readonly RequiredTensor[], views: Views, given: Given): Plan {
  const plans = plansForAll(required, views, given);
  const [first, ...rest] = plans as [Plan, ...Plan[]];
  if (!isComplete(first)) {
    const names = new Set(views.keys());
    const close = (plan: Plan): number => lookFor(required, names, given.prefix, plan.system).within;
    return plans.reduce((best, plan) => (close(plan) > close(best) ? plan : best));
  }
  for (const other of rest.filter(isComplete)) {
    const differs = difference(first, other);
    if (differs === undefined) continue;
    const reading = (plan: Plan, { name, form }: (typeof differs)["a"]): string => `--from ${plan.system.name} reads ${name} as ${form?.text ?? "it is"}`;
    throw inputError("SP0555", `${file} may be of ${first.system.title} or of ${other.system.title}; ${differs.a.name} ${printShape(differs.a.view.shape)} would be another kernel each time`, {
      notes: [reading(first, differs.a), reading(other, differs.b)],
      help: "say which with --from",
    });
  }
  return first;
}

/** The plan of another system by which more tensors fit. */
function betterSystem(plan: Plan, required: readonly RequiredTensor[], views: Views, given: Given): Plan | undefined {
  const [best] = plansForAll(required, views, given) as [Plan];
  return best.readings.length > plan.readings.length ? best : undefined;
}
