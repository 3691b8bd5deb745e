import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** Folders whose compiled form the tests import. */
const COMPILED = new Set(["src", "grammar", "bench", "scripts"]);

/** Has tests import what `npm run build` made of a source, as users do: Node loads that in a tenth of the time. */
export const built = {
  name: "spnet:built",
  enforce: "pre" as const,
  resolveId(source: string, importer: string | undefined): string | undefined {
    if (importer === undefined || !source.startsWith(".") || !source.endsWith(".ts")) return undefined;
    const file = relative(root, resolve(dirname(importer), source));
    return COMPILED.has(file.split(sep)[0]!) ? join(root, "dist", file.replace(/\.ts$/, ".js")) : undefined;
  },
};
