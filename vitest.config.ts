import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/vulkan.ts"],
    // One process per file: a lost software Vulkan device cannot be recovered inside its process.
    pool: "forks",
    isolate: true,
    maxWorkers: 2,
    // A test is never about time: software drivers compile kernels on a CPU that others may be using.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
