import { afterAll, beforeAll, expect, test } from "vitest";
import { AdapterError, openDevice } from "../../src/cli/adapter.ts";
import { chosenAdapter, ensureVulkanEnvironment, READY_VARIABLE, vulkanEnvironment } from "../../src/cli/vulkan.ts";
import { assemble, Bindings } from "../../src/codegen/wgsl/module.ts";
import { wgsl } from "../../src/codegen/wgsl/template.ts";
import { openGpu, type TestGpu } from "../support/gpu.ts";

let gpu: TestGpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const double = () => {
  const bindings = new Bindings();
  const source = bindings.use("source", "read", wgsl`array<u32>`);
  const target = bindings.use("target", "read_write", wgsl`array<u32>`);
  return assemble({
    name: "double_it", header: ["doubles\nwords"], bindings, declarations: undefined, workgroupSize: 64, rowsPerGroup: 64,
    workgroupBytes: 0,
    body: wgsl`
      let i = group * 64u + lane;
      if (i < arrayLength(&${source})) { ${target}[i] = 2u * ${source}[i]; }`,
  });
};

test("the adapter that was asked for runs", () => {
  const wanted = chosenAdapter();
  expect(wanted).toBeDefined();
  if (wanted !== "any") expect(gpu.software).toBe(wanted);
  expect(gpu.adapter).not.toBe("");
});

test("a kernel runs, and the counting device counts it", async () => {
  const source = Uint32Array.from({ length: 1000 }, (_, i) => i);
  const before = { ...gpu.counts };
  const { target } = await gpu.run(double(), { source, target: new Uint32Array(1000) }, { rows: 1000 });
  expect(target).toEqual(source.map((x) => 2 * x));
  const since = (key: keyof typeof before): number => gpu.counts[key] - before[key];
  expect(since("submits")).toBe(2);
  expect(since("dispatches")).toBe(1);
  expect(since("readbacks")).toBe(1);
  expect(since("readbackCopies")).toBe(1);
  expect(since("bytesRead")).toBe(4000);
  expect(since("bytesWritten")).toBe(8000);
  expect(since("buffers")).toBe(3);
  expect(since("bufferBytes")).toBe(12000);
  expect(since("liveBytes")).toBe(0);
  expect(since("pipelines")).toBe(1);
});

test("groups beyond 65535 are spread over y", async () => {
  const source = Uint32Array.from({ length: 64 * 65540 }, (_, i) => i);
  const { target } = await gpu.run(double(), { source, target: new Uint32Array(source.length) }, { rows: source.length });
  expect(target.every((x, i) => x === 2 * i)).toBe(true);
});

test("a wrong kernel is reported with its text", async () => {
  await expect(gpu.pipeline("fn main() { let x: u32 = 1.5; }", "main")).rejects.toThrow(/1:.*u32[^]*fn main/);
});

test("a feature or limit the adapter lacks is a coded error", async () => {
  await expect(openDevice({ requiredLimits: { maxBufferSize: 2 ** 52 } })).rejects.toMatchObject({ code: "SP0603" });
  const features = ["texture-compression-astc-hdr" as GPUFeatureName];
  await expect(openDevice({ features })).rejects.toBeInstanceOf(AdapterError);
  const other = gpu.software === "swiftshader" ? "lavapipe" : "swiftshader";
  await expect(openDevice({ prefer: other })).rejects.toMatchObject({ code: "SP0602" });
});

test("the environment is made up once", () => {
  const bare: NodeJS.ProcessEnv = { PATH: "/bin" };
  const first = ensureVulkanEnvironment("swiftshader", bare);
  expect(first.restart).toBe(true);
  expect(first.env).toMatchObject({ PATH: "/bin", [READY_VARIABLE]: "swiftshader" });
  expect(first.env["VK_ICD_FILENAMES"]).toContain("vk_swiftshader_icd.json");
  expect(ensureVulkanEnvironment("swiftshader", first.env).restart).toBe(false);
  expect(chosenAdapter({ SPNET_ADAPTER: "nonsense" })).toBeUndefined();
  expect(bare).toEqual({ PATH: "/bin" });
  expect(vulkanEnvironment("swiftshader", { ...bare, LD_LIBRARY_PATH: "/x" })["LD_LIBRARY_PATH"]).toMatch(/:\/x$/);
});
