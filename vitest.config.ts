import { defineConfig } from "vitest/config";
import { built } from "./tests/support/built.ts";
import { LONG, runsLong } from "./tests/support/long.ts";

export default defineConfig({
  plugins: [built],
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: runsLong() ? [] : [...LONG],
    globalSetup: ["tests/support/setup.ts"],
    // One process per file: a lost software Vulkan device cannot be recovered inside its process.
    pool: "forks",
    isolate: true,
    execArgv: ["--enable-source-maps"],
    maxWorkers: 2,
    server: { deps: { external: [/\/dist\/(src|grammar|bench|scripts)\//] } },
    // A test is never about time: software drivers compile kernels on a CPU that others may be using.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
