import { execSync } from "node:child_process";
import { LONG, runsLong } from "./long.ts";

/** Runs once in vitest's main process: builds what tests import; the processes it starts inherit a Vulkan driver, SwiftShader unless told. */
export default async function setup(): Promise<void> {
  if (!runsLong()) console.log(`${LONG.length} files of long tests are left out (tests/support/long.ts): npm run test:all`);
  execSync("npm run -s build", { stdio: "inherit" });
  const { ADAPTER_VARIABLE, ensureVulkanEnvironment } = await import("../../src/cli/vulkan.ts");
  process.env[ADAPTER_VARIABLE] ??= "swiftshader";
  Object.assign(process.env, ensureVulkanEnvironment().env);
}
