import { ADAPTER_VARIABLE, ensureVulkanEnvironment } from "../../src/cli/vulkan.ts";

/** Runs once in vitest's main process: the test processes it starts inherit a Vulkan driver, SwiftShader unless told. */
export default function setup(): void {
  process.env[ADAPTER_VARIABLE] ??= "swiftshader";
  Object.assign(process.env, ensureVulkanEnvironment().env);
}
