/** Runs in the browser: a module for both targets, which chooses by itself. Posts a {@link CpuPageReport}. */
import type { CreateOptions, DenseOutput, FeatOutput } from "../../src/runtime/index.ts";
import type { AnyNetwork } from "../support/network-runs.ts";
import type { PageCase } from "./page.ts";

export interface CpuPageReport {
  readonly isolated: boolean;
  readonly target: string;
  readonly adapter: string;
  readonly notices: readonly string[];
  /** Outputs of one run, of a kept scene's two runs at once, and of a network with one thread. */
  readonly outputs: readonly Readonly<Record<string, readonly number[]>>[];
  /** The code of a run after `dispose`. */
  readonly disposed: string;
}

type Outputs = Readonly<Record<string, FeatOutput | DenseOutput>>;

const weights = await (await fetch("/net.safetensors")).arrayBuffer();
const given = (await (await fetch("/case.json")).json()) as PageCase;
const inputs = { coords: Int32Array.from(given.coords), features: Float32Array.from(given.features) };
const { create } = (await import("/net.js" as string)) as { create(options: CreateOptions): Promise<AnyNetwork> };

const plain = (outputs: Outputs): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(Object.entries(outputs).map(([name, o]) => [name, [...("features" in o ? o.features : o.data)]]));

async function report(): Promise<CpuPageReport> {
  const notices: string[] = [];
  const net = await create({ weights, onNotice: (line) => void notices.push(line) });
  const outputs = [plain(await net.run({ [given.input]: inputs }))];
  const scene = await net.prepare({ [given.input]: inputs.coords });
  const features = { [given.input]: inputs.features };
  outputs.push(...(await Promise.all([scene.run(features), scene.run(features)])).map(plain));
  net.dispose();
  const disposed = await scene.run(features).then(() => "not refused", (e: unknown) => String((e as { readonly code?: string }).code));
  const single = await create({ weights, target: "wasm", threads: 1, onNotice: () => undefined });
  outputs.push(plain(await single.run({ [given.input]: inputs })));
  single.dispose();
  return { isolated: (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated === true, target: net.target, adapter: net.adapter, notices, outputs, disposed };
}

await fetch("/report", { method: "POST", body: JSON.stringify(await report()) });
