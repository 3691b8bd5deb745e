import { expect } from "vitest";
import type { Choices } from "../../src/codegen/tuning/choices.ts";
import { tune } from "../../src/cli/tuning/search.ts";
import { standardChoices } from "../../src/cli/tuning/files.ts";
import { workbench, type Machine } from "../../src/cli/tuning/workbench.ts";
import { cloud, netFromText } from "../support/source-net.ts";

const net = netFromText(`spnet 1
net Two {
  dialect spconv
  sites S : (y: 12, x: 12)
  input v : feat[S, 4]
  output out = v |> subm(4, k=3, w="a") |> relu |> subm(8, k=3, w="b")
}
`);

/**
 * Tunes a small net on a real machine whose kernels are wrong with one tile: that candidate is dropped and reported,
 * nothing else is, and what is chosen is not it. Results are real; times are made up, so that no machine is too slow.
 *
 * @param spoil what is done to the text of the kernels
 */
export async function expectSpoiltIsDropped(machine: Machine, spoil: (code: string) => string, dropped: readonly string[], isSpoilt: (choices: Choices) => boolean): Promise<void> {
  const { coords, features } = cloud(5, 70, 1, [12, 12], 4);
  const scene = new Map([["v", { coords, features }]]) as never;
  const lines: string[] = [];
  let spoilt = 0;
  const change = (code: string): string => {
    const changed = spoil(code);
    if (changed !== code) spoilt++;
    return changed;
  };
  const real = workbench(net.module, machine, scene, net.weights, (line) => lines.push(line), change);
  let time = 0;
  const found = await tune({
    ...real,
    async open(choices) {
      const subject = await real.open(choices);
      const steps = (await subject.profile()).length;
      return {
        ...subject,
        run: () => Promise.resolve(void (time += isSpoilt(choices) ? 10 : 20)),
        profile: () => Promise.resolve(Array<number>(steps).fill(isSpoilt(choices) ? 10 : 20)),
      };
    },
    now: () => time,
  }, standardChoices(), 3600);
  expect(spoilt).toBeGreaterThan(0);
  expect(found.dropped).toEqual(dropped);
  for (const label of dropped) expect(lines.join("\n")).toContain(`${label}: dropped, its results differ: out, element `);
  expect(isSpoilt(found.choices)).toBe(false);
}
