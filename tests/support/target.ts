import { afterAll, beforeAll } from "vitest";
import type { Module } from "../../src/ir/module.ts";
import type { Pipeline } from "../../src/passes/pipeline.ts";
import type { CreateOptions } from "../../src/runtime/index.ts";
import { STANDARD } from "./differential.ts";
import type { AnyNetwork } from "./network-runs.ts";
import { fuse } from "./plan-runs.ts";
import type { SourceNet } from "./source-net.ts";

/** What networks run on in the suites that every target must pass. */
export interface TestTarget {
  readonly name: "webgpu" | "wasm";
  /** Makes a fused module run. */
  open(fused: Module, options: CreateOptions): Promise<AnyNetwork>;
  /** Does `body`, in which the target must have computed something. */
  working<T>(body: () => Promise<T>): Promise<T>;
  close(): void;
}

export type OpenTarget = () => Promise<TestTarget>;

/** Opens a target for the tests of a file. */
export function useTarget(open: OpenTarget): () => TestTarget {
  let target: TestTarget | undefined;
  beforeAll(async () => {
    target = await open();
  });
  afterAll(() => target?.close());
  return () => target!;
}

/** A net under `pipeline` with its own weights. */
export const openNet = (target: TestTarget, net: SourceNet, pipeline: Pipeline = STANDARD): Promise<AnyNetwork> => target.open(fuse(net.module, pipeline), { weights: net.weights });
