#!/usr/bin/env node
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { commandHelp, readArgs, table, type Command } from "./command.ts";
import { guarded } from "./guard.ts";
import { processIo, type Io } from "./io.ts";
import { packageVersion } from "./version.ts";

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Commands are loaded when called: checking a file needs neither kernels nor WebGPU. */
  load(): Promise<Command>;
}

const COMMANDS: readonly Entry[] = [
  { name: "check", summary: "Reports every mistake of a network and says what it is.", load: async () => (await import("./commands/check.ts")).check },
  { name: "compile", summary: "Compiles a network to an ES module: TypeScript, JavaScript and declarations.", load: async () => (await import("./commands/compile.ts")).compile },
  { name: "run", summary: "Runs a network on a scene.", load: async () => (await import("./commands/run.ts")).run },
  { name: "dump", summary: "Prints what the compiler has made of a network at a stage, or writes all stages to a folder.", load: async () => (await import("./commands/dump.ts")).dump },
  { name: "opt", summary: "Runs a pipeline of passes on a module in text form.", load: async () => (await import("./commands/opt.ts")).opt },
  { name: "tune", summary: "Measures on this machine which ways to compile a network are fastest, and keeps them in a file.", load: async () => (await import("./commands/tune.ts")).tune },
  { name: "report", summary: "Runs a network on a scene, and shows beside each step what was predicted of it from the coordinates.", load: async () => (await import("./commands/report.ts")).report },
  { name: "weights", summary: "Lists the tensors a network needs, or compares them with a file.", load: async () => (await import("./commands/weights.ts")).weights },
  { name: "import", summary: "Turns a checkpoint of another system into a network's weights, or drafts a network from it.", load: async () => (await import("./commands/import.ts")).importCommand },
];

/** The whole command. Exit status: 0 done, 1 a mistake in what was given, 2 a wrong command line, 70 a fault of spnet. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || ["help", "--help", "-h"].includes(name)) {
    io.out(help());
    return name === undefined ? 2 : 0;
  }
  if (["version", "--version"].includes(name)) {
    io.out(`spnet ${packageVersion()}\n`);
    return 0;
  }
  const entry = COMMANDS.find((c) => c.name === name);
  if (entry === undefined) {
    io.err(`spnet: unknown command ${name}\n\n${help()}`);
    return 2;
  }
  const command = await entry.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    io.out(commandHelp(`spnet ${name}`, entry.summary, command));
    return 0;
  }
  return guarded(io, `spnet ${name} --help`, () => command.run(readArgs(command, rest), io));
}

/** docs/COMMAND.md with the help of every command in its place. */
export async function withCommandHelps(document: string): Promise<string> {
  const helps = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }) => `### ${name}\n\n\`\`\`\n${commandHelp(`spnet ${name}`, summary, await load())}\`\`\`\n`),
  );
  return document.replace(/<!-- help -->.*<!-- \/help -->/s, () => `<!-- help -->\n${helps.join("\n")}<!-- /help -->`);
}

function help(): string {
  return [
    "spnet: a compiler for sparse convolutional networks",
    "",
    "commands:",
    ...table(COMMANDS.map(({ name, summary }) => [name, summary] as const)),
    "",
    "spnet COMMAND --help lists the options of a command.",
    "",
  ].join("\n");
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2), processIo());
}
