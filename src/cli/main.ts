#!/usr/bin/env node
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { commandHelp, readArgs, table, type Command } from "./command.ts";
import { check } from "./commands/check.ts";
import { compile } from "./commands/compile.ts";
import { dump } from "./commands/dump.ts";
import { opt } from "./commands/opt.ts";
import { run } from "./commands/run.ts";
import { weights } from "./commands/weights.ts";
import { guarded } from "./guard.ts";
import { processIo, type Io } from "./io.ts";
import { packageVersion } from "./version.ts";

const COMMANDS: readonly Command[] = [check, compile, run, dump, opt, weights];

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
  const command = COMMANDS.find((c) => c.name === name);
  if (command === undefined) {
    io.err(`spnet: unknown command ${name}\n\n${help()}`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    io.out(commandHelp(command));
    return 0;
  }
  return guarded(io, `spnet ${command.name} --help`, () => command.run(readArgs(command, rest), io));
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
