import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inputSpecs, type InputSpec } from "../../src/cli/files/scene.ts";
import { Random } from "../../src/cli/random.ts";
import { madeUpInput } from "../../src/cli/scan/made-up.ts";
import type { Module } from "../../src/ir/module.ts";
import type { BenchNetwork } from "./networks.ts";

/** One batch item for the one input of a network. */
export interface BenchScene {
  readonly name: string;
  readonly input: string;
  readonly rows: number;
  /** [rows, 1 + d]. */
  readonly coords: Int32Array<ArrayBuffer>;
  readonly features: Float32Array<ArrayBuffer>;
}

/** The scenes of a network: `cloud` of the folder `data` where it is, else one made up. What is not there is said. */
export function scenesOf(network: BenchNetwork, net: Module, data: string, only: string | undefined, say: (line: string) => void): readonly BenchScene[] {
  const spec = inputSpecs(net)[0]!;
  const found = network.clouds.filter((cloud) => only === undefined || only === cloud).flatMap((cloud) => {
    const file = join(data, `${cloud}.i32`);
    if (existsSync(file)) return [readCloud(file, cloud, network.reversed === true, spec)];
    say(`${network.name}: ${cloud} is not here (--data DIR): left out`);
    return [];
  });
  if (found.length > 0 || (only !== undefined && only !== network.scene)) return found;
  const { rows, coords, features } = madeUpInput(network.scene, 1, spec, network.grid);
  return [{ name: `made-up ${network.scene}`, input: spec.name, rows, coords: Int32Array.from(coords), features: Float32Array.from(features) }];
}

/** The first `sites` sites by their coordinates, axis by axis: a slab, in which neighbours stay neighbours. */
export function partOf(scene: BenchScene, sites: number): BenchScene {
  if (scene.rows <= sites) return scene;
  const [width, channels] = [scene.coords.length / scene.rows, scene.features.length / scene.rows];
  const row = (i: number): Int32Array => scene.coords.subarray(i * width, (i + 1) * width);
  const difference = (a: number, b: number): number => {
    const [p, q] = [row(a), row(b)];
    const axis = p.findIndex((n, k) => n !== q[k]);
    return axis < 0 ? 0 : p[axis]! - q[axis]!;
  };
  const kept = Array.from({ length: scene.rows }, (_, i) => i).sort(difference).slice(0, sites).sort((a, b) => a - b);
  return {
    ...scene, rows: sites,
    coords: Int32Array.from(kept.flatMap((i) => [...row(i)])),
    features: Float32Array.from(kept.flatMap((i) => [...scene.features.subarray(i * channels, (i + 1) * channels)])),
  };
}

/** Rows outside the network's extents are left out; features are random. */
function readCloud(file: string, name: string, reversed: boolean, spec: InputSpec): BenchScene {
  const bytes = readFileSync(file);
  const given = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const kept: number[] = [];
  for (let at = 0; at < given.length; at += 4) {
    const [b, ...axes] = given.subarray(at, at + 4);
    const site = reversed ? axes.reverse() : axes;
    if (site.every((c, a) => spec.extents === undefined || (c >= 0 && c < spec.extents[a]!))) kept.push(b!, ...site);
  }
  const rows = kept.length / 4;
  const random = new Random(1, "features");
  return { name, input: spec.name, rows, coords: Int32Array.from(kept), features: Float32Array.from({ length: rows * spec.channels }, () => random.next() * 2 - 1) };
}
