import { describe, expect, it } from "vitest";
import { openGpu, type DeviceNeeds } from "../../src/runtime/device.ts";

const limits = { maxComputeWorkgroupStorageSize: 16_384, maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
const device = { features: new Set<string>(), limits, adapterInfo: undefined } as unknown as GPUDevice;
const asked: unknown[] = [];
const adapter = { features: new Set<string>(), limits, info: undefined, requestDevice: (wanted: unknown) => (asked.push(wanted), Promise.resolve(device)) };
const gpu = { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
const needs = (workgroup: number, ...features: DeviceNeeds["features"]): DeviceNeeds => ({ limits: { maxComputeWorkgroupStorageSize: workgroup }, features });

describe.each([["given device", device, undefined], ["adapter", undefined, gpu]] as const)("the %s", (who, given, root) => {
  it("with less workgroup memory than a network needs is refused, with what compiles it for less", async () => {
    await expect(openGpu(given, root, needs(16_388))).rejects.toMatchObject({ code: "SP0603", message: `SP0603: the ${who} has maxComputeWorkgroupStorageSize 16384, this network needs 16388: compile it with --limits portable` });
  });

  it("without a feature that a network needs is refused, with what compiles it without", async () => {
    await expect(openGpu(given, root, needs(16_384, "subgroups"))).rejects.toMatchObject({ code: "SP0603", message: expect.stringMatching(/lacks subgroups.*without --tuning/) });
    await expect(openGpu(given, root, needs(16_384, "shader-f16"))).rejects.toMatchObject({ code: "SP0603", message: expect.stringMatching(/lacks shader-f16.*--storage f32/) });
  });

  it("that has all of it is taken", async () => {
    await expect(openGpu(given, root, needs(16_384))).resolves.toMatchObject({ device, owned: given === undefined });
  });
});

it("an adapter is asked for what the network needs", () => {
  expect(asked).toEqual([{ requiredLimits: limits, requiredFeatures: [] }]);
});
