import { SpnetError } from "./errors.ts";

/** Limits beyond WebGPU's defaults that a plan asks of a device, by WebGPU's names. */
export type NeededLimits = Readonly<Partial<Record<"maxStorageBufferBindingSize" | "maxBufferSize" | "maxComputeWorkgroupStorageSize", number>>>;

/** What a plan asks of a device beyond WebGPU's defaults. */
export interface DeviceNeeds {
  readonly limits: NeededLimits;
  readonly features: readonly DeviceFeature[];
}

/** Features that kernels may be compiled to use, each with the way to compile them without it. */
export const REMEDIES = { "shader-f16": "with --storage f32", subgroups: "without --tuning, or for a device that has them" } as const;

export type DeviceFeature = keyof typeof REMEDIES;

export interface OpenedDevice {
  readonly device: GPUDevice;
  /** Whether the runtime made the device; a device of the caller's is never destroyed. */
  readonly owned: boolean;
  /** What runs: vendor, architecture and description as the adapter tells them. */
  readonly adapter: string;
}

/**
 * Every root that a device was made from, for good. Dawn in Node ends with its root object: a root that only this call
 * refers to would be collected under the device, which then never answers or crashes.
 */
const roots = new Set<GPU>();

/** `navigator.gpu`, where the platform has it, without asking for DOM types. */
function platformGpu(): GPU | undefined {
  const scope = globalThis as { readonly navigator?: { readonly gpu?: GPU } };
  return scope.navigator?.gpu;
}

/**
 * The caller's device, or one made from the caller's `gpu` or the platform's. Asks for what the adapter can give of
 * binding and buffer size, since scenes grow, and its clock; other limits stay at their defaults.
 * `hardware`: passes over software adapters. SP0601: no WebGPU here; SP0602: no adapter; SP0603: a device lacks a limit or a feature.
 */
export async function openGpu(given: GPUDevice | undefined, gpu: GPU | undefined, needed: DeviceNeeds, hardware = false): Promise<OpenedDevice> {
  if (given !== undefined) {
    needFeatures(given.features, needed.features, "given device");
    needLimits(given.limits, needed.limits, "given device");
    return { device: given, owned: false, adapter: describeAdapter(given.adapterInfo) };
  }
  const root = gpu ?? platformGpu();
  if (root === undefined) throw new SpnetError("SP0601", "there is no WebGPU here: pass `gpu` (in Node, from the package `webgpu`) or a `device`");
  roots.add(root);
  const adapter = await root.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new SpnetError("SP0602", "WebGPU found no adapter on this machine");
  if (hardware && isSoftware(adapter.info)) throw new SpnetError("SP0602", `WebGPU found a software adapter only, ${describeAdapter(adapter.info)}`);
  needFeatures(adapter.features, needed.features, "adapter");
  const requiredLimits: Record<string, number> = {
    maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    maxBufferSize: adapter.limits.maxBufferSize,
  };
  needLimits(adapter.limits, needed.limits, "adapter");
  for (const [name, value] of Object.entries(needed.limits)) requiredLimits[name] = Math.max(requiredLimits[name] ?? 0, value);
  const wanted = (["timestamp-query"] as const).filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures: [...needed.features, ...wanted] });
  return { device, owned: true, adapter: describeAdapter(adapter.info) };
}

/** SP0603 names the first limit that is too low. */
function needLimits(limits: GPUSupportedLimits, needed: NeededLimits, who: string): void {
  for (const [limit, value] of Object.entries(needed)) {
    const have = limits[limit as keyof NeededLimits];
    if (have >= value) continue;
    const remedy = limit === "maxComputeWorkgroupStorageSize" ? ": compile it with --limits portable" : "";
    throw new SpnetError("SP0603", `the ${who} has ${limit} ${have}, this network needs ${value}${remedy}`, { limit, needed: value, have });
  }
}

/** SP0603 names the first feature that is not there. */
function needFeatures(have: GPUSupportedFeatures, needed: DeviceNeeds["features"], who: string): void {
  const missing = needed.find((feature) => !have.has(feature));
  if (missing === undefined) return;
  throw new SpnetError("SP0603", `the ${who} lacks ${missing}, which this network was compiled to use: compile it ${REMEDIES[missing]}`, { feature: missing });
}

/** Whether an adapter computes on the CPU. Dawn marks its own software adapters only; drivers of Vulkan tell by their names. */
function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  return info?.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|warp|microsoft basic/i.test(describeAdapter(info));
}

function describeAdapter(info: GPUAdapterInfo | undefined): string {
  const words = [info?.vendor, info?.architecture, info?.description].filter((w) => w !== undefined && w !== "");
  return words.length === 0 ? "unknown adapter" : words.join(" ");
}
