import type { CreateOptions } from "./api.ts";
import { SpnetError } from "./errors.ts";

/** What a network is compiled to and runs on. */
export type Target = "webgpu" | "wasm";

/**
 * The target that the caller asks for, by name or by giving a device; of a module with one target that one; else
 * undefined. SP0624 when the module was not compiled for what is asked.
 */
export function chooseTarget(options: CreateOptions, has: readonly Target[]): Target | undefined {
  const asked = options.target ?? (options.device === undefined ? undefined : "webgpu");
  if (asked !== undefined && !has.includes(asked)) {
    const why = options.target === undefined ? "a GPU's device was given" : `\`target\` is ${JSON.stringify(asked)}`;
    throw new SpnetError("SP0624", `${why}, but this network was compiled for ${has.join(" and ")} only`, { target: asked, has });
  }
  return asked ?? (has.length === 1 ? has[0] : undefined);
}
