import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

/** Which Vulkan driver to run on: what the machine has, a GPU of it or nothing, or one of the two software drivers by name. */
export type AdapterChoice = "any" | "hardware" | "swiftshader" | "lavapipe";

/** The variable by which a person chooses ({@link AdapterChoice}). */
export const ADAPTER_VARIABLE = "SPNET_ADAPTER";

/** Set in a process whose environment is already made up, so that it does not start itself again. */
export const READY_VARIABLE = "SPNET_VULKAN_READY";

const ICD_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib", "/lib",
];

/** The choice written in the environment, or `any`; undefined for a word that is none. */
export function chosenAdapter(env: NodeJS.ProcessEnv = process.env): AdapterChoice | undefined {
  const word = env[ADAPTER_VARIABLE] ?? "any";
  return word === "any" || word === "hardware" || word === "swiftshader" || word === "lavapipe" ? word : undefined;
}

/**
 * The environment in which a process finds a Vulkan driver. The dynamic linker reads `LD_LIBRARY_PATH` only when a
 * process starts, so where the result differs from `env` a new process is needed ({@link ensureVulkanEnvironment}).
 * Falls back to the SwiftShader that the npm package `@sparticuz/chromium` brings; where nothing is found the
 * environment comes back unchanged and asking for an adapter says so.
 */
export function vulkanEnvironment(choice: AdapterChoice, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  if (process.platform !== "linux") return env;
  const loader = hasLoader() ? undefined : bundledSwiftShader();
  if (choice === "lavapipe") {
    const icd = icdFiles().find((file) => basename(file).startsWith("lvp_icd"));
    return icd === undefined ? env : withDriver(env, icd, loader);
  }
  const named = env["VK_ICD_FILENAMES"] !== undefined || env["VK_DRIVER_FILES"] !== undefined;
  if (choice === "hardware" || (choice === "any" && hasLoader() && (named || icdFiles().length > 0))) return env;
  const folder = bundledSwiftShader();
  return folder === undefined ? env : withDriver(env, join(folder, "vk_swiftshader_icd.json"), folder);
}

/**
 * The environment to use and whether this process lacks it and must start itself again with it. Reads the choice
 * from `env` when none is given.
 */
export function ensureVulkanEnvironment(
  chosen?: AdapterChoice,
  env: NodeJS.ProcessEnv = process.env,
): { readonly env: NodeJS.ProcessEnv; readonly restart: boolean } {
  const choice = chosen ?? chosenAdapter(env) ?? "any";
  if (env[READY_VARIABLE] === choice) return { env, restart: false };
  const wanted = vulkanEnvironment(choice, env);
  return { env: { ...wanted, [READY_VARIABLE]: choice }, restart: wanted !== env };
}

function withDriver(env: NodeJS.ProcessEnv, icd: string, libraries: string | undefined): NodeJS.ProcessEnv {
  const path = [libraries, env["LD_LIBRARY_PATH"]].filter((part) => part !== undefined && part !== "").join(":");
  return {
    ...env,
    VK_ICD_FILENAMES: icd,
    VK_DRIVER_FILES: icd,
    ...(path === "" ? {} : { LD_LIBRARY_PATH: path }),
  };
}

const hasLoader = (): boolean => LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, "libvulkan.so.1")));

const icdFiles = (): readonly string[] =>
  ICD_FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder).filter((file) => file.endsWith(".json")).sort().map((file) => join(folder, file)),
  );

/** Unpacks the driver once per version into the cache; undefined when the package is not installed. */
function bundledSwiftShader(): string | undefined {
  const root = packageRoot("@sparticuz/chromium");
  if (root === undefined) return undefined;
  const archive = join(root, "bin", "swiftshader.tar.br");
  if (!existsSync(archive) || process.arch !== "x64") return undefined;
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "0";
  const cache = join(tmpdir(), `spnet-swiftshader-${version}-${process.getuid?.() ?? 0}`);
  if (existsSync(cache)) return cache;
  // Unpack beside and rename, so that two processes at once cannot see half of it.
  mkdirSync(tmpdir(), { recursive: true });
  const fresh = mkdtempSync(`${cache}-`);
  for (const file of untar(brotliDecompressSync(readFileSync(archive)))) {
    writeFileSync(join(fresh, basename(file.name)), file.data, { mode: 0o755 });
  }
  try {
    renameSync(fresh, cache);
  } catch {
    rmSync(fresh, { recursive: true, force: true });
  }
  return existsSync(cache) ? cache : undefined;
}

/** A package's folder, found from here; its manifest is not exported, so walk up from its main file. */
function packageRoot(name: string): string | undefined {
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
  for (let folder = dirname(main); dirname(folder) !== folder; folder = dirname(folder)) {
    if (existsSync(join(folder, "bin")) && existsSync(join(folder, "package.json"))) return folder;
  }
  return undefined;
}

/** The regular files of a tar archive (POSIX ustar: 512-byte headers, octal sizes). */
function* untar(bytes: Buffer): Generator<{ readonly name: string; readonly data: Buffer }> {
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const field = (from: number, length: number): string => bytes.toString("latin1", at + from, at + from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(field(124, 12).trim(), 8);
    const type = field(156, 1);
    if (!Number.isInteger(size) || size < 0 || at + 512 + size > bytes.length) throw new Error("internal: broken driver archive");
    if (type === "" || type === "0") yield { name: field(0, 100), data: bytes.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
