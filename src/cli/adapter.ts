import { spawn } from "node:child_process";
import { REMEDIES, type DeviceFeature } from "../runtime/device.ts";
import { AdapterError } from "./errors.ts";
import { ADAPTER_VARIABLE, chosenAdapter, ensureVulkanEnvironment, type AdapterChoice } from "./vulkan.ts";

/** The variable that names further toggles of Dawn to enable, with commas between. */
const DAWN_VARIABLE = "SPNET_DAWN_FEATURES";

export { AdapterError } from "./errors.ts";
export { ensureVulkanEnvironment, type AdapterChoice } from "./vulkan.ts";

export interface OpenDeviceOptions {
  /** Refuse any other adapter. Default: the variable SPNET_ADAPTER, else whatever there is. */
  readonly prefer?: AdapterChoice;
  readonly requiredLimits?: Readonly<Record<string, number>>;
  readonly features?: readonly GPUFeatureName[];
  /** Taken where the adapter has them. */
  readonly optional?: readonly GPUFeatureName[];
}

export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly adapterInfo: GPUAdapterInfo;
  /** Name of the software driver, undefined on a real GPU. */
  readonly software: string | undefined;
  /** One line for people: which adapter runs. */
  readonly description: string;
  close(): void;
}

// The instance must outlive every object made from it, and Node's exit.
let instance: GPU | undefined;

/** A WebGPU device in Node, from the optional package `webgpu`. Never touches `globalThis.navigator`. */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<OpenedDevice> {
  const prefer = options.prefer ?? chosenAdapter();
  if (prefer === undefined) {
    throw new AdapterError("SP0602", `${ADAPTER_VARIABLE} must be any, hardware, swiftshader or lavapipe`);
  }
  const gpu = await loadInstance();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    throw new AdapterError("SP0602", "no WebGPU adapter: install a Vulkan driver, or the npm package @sparticuz/chromium for its software driver");
  }
  const software = softwareName(adapter.info);
  if (prefer !== "any" && (software ?? "hardware") !== prefer) {
    throw new AdapterError("SP0602", `the adapter is ${describe(adapter.info)}, not ${prefer}`);
  }
  for (const feature of options.features ?? []) {
    if (!adapter.features.has(feature)) throw new AdapterError("SP0603", `the adapter has no feature ${feature}: ${describe(adapter.info)}${feature in REMEDIES ? `; compile the network ${REMEDIES[feature as DeviceFeature]}` : ""}`);
  }
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      // Scenes grow: as large as the adapter has them, like the run time's own devices.
      requiredLimits: { maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize, maxBufferSize: adapter.limits.maxBufferSize, ...options.requiredLimits },
      requiredFeatures: [...(options.features ?? []), ...(options.optional ?? []).filter((feature) => adapter.features.has(feature))],
    });
  } catch (error) {
    throw new AdapterError("SP0603", `the adapter refuses the device: ${message(error)}`);
  }
  return {
    device,
    adapterInfo: adapter.info,
    software,
    description: describe(adapter.info),
    close: () => device.destroy(),
  };
}

/** Whether the machine's adapter is a GPU; a software driver is none. */
export async function findsHardware(): Promise<boolean> {
  try {
    const adapter = await (await loadInstance()).requestAdapter({ powerPreference: "high-performance" });
    return adapter !== null && softwareName(adapter.info) === undefined;
  } catch (error) {
    if (error instanceof AdapterError) return false;
    throw error;
  }
}

/**
 * Starts the current command again as a child with a Vulkan driver in its environment, where this process was started
 * without; the exit code of the child, or undefined when this process can go on itself.
 */
export async function restartWithVulkan(choice?: AdapterChoice): Promise<number | undefined> {
  const { env, restart } = ensureVulkanEnvironment(choice);
  if (!restart) return undefined;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], { env, stdio: "inherit" });
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
}

async function loadInstance(): Promise<GPU> {
  if (instance !== undefined) return instance;
  try {
    const { create } = await import("webgpu");
    // Kernels write workgroup memory before they read it; SwiftShader compiles them 13 times slower with Dawn's clearing.
    // Timestamps are rounded to a tenth of a millisecond to keep secrets of other tabs; there are none in Node.
    const more = process.env[DAWN_VARIABLE];
    const toggles = [`enable-dawn-features=disable_workgroup_init${more === undefined ? "" : `,${more}`}`, "disable-dawn-features=timestamp_quantization"];
    instance = create(process.platform === "linux" ? ["backend=vulkan", ...toggles] : toggles);
    return instance;
  } catch (error) {
    throw new AdapterError("SP0601", `the npm package webgpu cannot be loaded (npm install webgpu): ${message(error)}`);
  }
}

function softwareName(info: GPUAdapterInfo): string | undefined {
  const text = describe(info).toLowerCase();
  for (const name of ["swiftshader", "llvmpipe", "warp", "microsoft basic"]) {
    if (text.includes(name)) return name === "llvmpipe" ? "lavapipe" : name;
  }
  return info.isFallbackAdapter ? "software" : undefined;
}

const describe = (info: GPUAdapterInfo): string =>
  [info.vendor, info.architecture, info.description || info.device].filter((part) => part !== "").join(" ");

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
