import { describe, expect, it } from "vitest";
import type { WeightTensor } from "../../src/runtime/load.ts";
import { expectSame, wantedOf } from "../support/differential.ts";
import { dataOf } from "../support/network-runs.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netFromText, numbers } from "../support/source-net.ts";
import { useTarget, type OpenTarget } from "../support/target.ts";
import { WHOLE_NETS, wholeScene } from "../support/whole-nets.ts";

/** Input channels of sums that come within a sixteenth of 2^24. */
const WIDE = 960;
const COLUMNS = 14;
const SHIFTS = [1, 7, 8, 9, 10, 15, 16, 17, 23, 24, 25, 26, 31];

/** Columns of ends, of single inputs, of signs, and of random weights. */
function weightAt(input: number, column: number, random: () => number): number {
  switch (column) {
    case 0:
      return 127;
    case 1:
      return -127;
    case 2:
    case 3:
    case 4:
    case 5:
      return input === column ? [1, 1, 3, -5][column - 2]! : 0;
    case 6:
      return input % 2 === 0 ? 127 : -127;
    default:
      return Math.floor(random() * 255) - 127;
  }
}

/** Multipliers with a meaning at this shift (halves, one, nothing, the largest), then random ones. */
const multiplierAt = (column: number, shift: number, random: () => number): number =>
  [2 ** 24, 3, 2 ** Math.min(24, shift - 1), -(2 ** Math.min(24, shift - 1)), 2 ** Math.min(24, shift), 5 * 2 ** Math.min(20, shift - 1), -(2 ** 24), 0][column] ?? Math.floor((random() * 2 - 1) * 2 ** (4 + (column * 3) % 21));

function saturated(x: bigint, bits: number): number {
  const limit = 2 ** (bits - 1);
  return Math.min(Math.max(Number(x), -limit), limit - 1);
}

/** x m / 2^shift by integers of any size. */
function rescaled(x: number, m: number, shift: number, rounding: string): number {
  const product = BigInt(x) * BigInt(m);
  const below = product >> BigInt(shift);
  const twice = 2n * (product - (below << BigInt(shift)));
  const one = 1n << BigInt(shift);
  const up = rounding === "up" ? twice >= one : twice > one || (twice === one && below % 2n !== 0n);
  return saturated(up ? below + 1n : below, 16);
}

/** The nearest whole number, of two the even one. */
function nearest(v: number): number {
  const up = Math.floor(v + 0.5);
  return v + 0.5 === up && up % 2 !== 0 ? up - 1 : up;
}

const line = (batches: readonly number[]): Int32Array => Int32Array.from(batches.flatMap((n, batch) => Array.from({ length: n }, (_, x) => [batch, x]).flat()));

/** Whole numbers are the same on every target, bit for bit: each step at its ends and halves, then networks of them. */
export function wholeSuite(open: OpenTarget, chosen: typeof pipelines, rows: readonly number[]): void {
  const target = useTarget(open);

  describe("rescale", () => {
    it.each(["even", "up"])("with halves %s, by every kind of sum, multiplier and shift", async (rounding) => {
      const random = numbers(11);
      const weight = Array.from({ length: WIDE * COLUMNS }, (_, i) => weightAt(i % WIDE, Math.floor(i / WIDE), random));
      const bias = Array.from({ length: COLUMNS }, (_, c) => (c === 0 ? 2 ** 20 : c === 1 ? -(2 ** 20) : c < 7 ? 0 : Math.floor((random() * 2 - 1) * 2 ** 20)));
      const multipliers = new Map(SHIFTS.map((shift) => [`m${shift}`, Array.from({ length: COLUMNS }, (_, c) => multiplierAt(c, shift, random))]));
      const weights = (name: string): WeightTensor | undefined =>
        name === "l.weight" ? { shape: [COLUMNS, WIDE], data: weight } : name === "l.bias" ? { shape: [COLUMNS], data: bias } : multipliers.has(name) ? { shape: [COLUMNS], data: multipliers.get(name)! } : undefined;
      const outputs = SHIFTS.map((shift) => `output s${shift} = sums |> rescale(shift=${shift}, rounding=${rounding}, w="m${shift}")`);
      const net = netFromText(`spnet 1\nnet R {\n  sites S : (x: 99)\n  input e : feat[S, ${WIDE}]\n  let sums = e |> quantise |> linear(${COLUMNS}, bias=true, w="l")\n  output sums = sums\n  ${outputs.join("\n  ")}\n}\n`);
      const count = 21;
      const features = Float32Array.from({ length: count * WIDE }, (_, i) => {
        const row = Math.floor(i / WIDE);
        return [127, -128, 0, 1, -1, 2, -3][row] ?? (row < 14 ? [127, -128][i % 2]! * (row % 2 === 0 ? 1 : 0.02) : Math.floor(random() * 256) - 128);
      });
      const network = await target().open(fuse(net.module, pipelines[2]![1]), { weights });
      const found = await target().working(() => network.run({ e: { coords: line([count]), features } }));
      const saw = { halves: 0, ends: 0, large: 0 };
      for (let row = 0; row < count; row++) {
        for (let c = 0; c < COLUMNS; c++) {
          let sum = bias[c]!;
          for (let i = 0; i < WIDE; i++) sum += nearest(features[row * WIDE + i]!) * weight[c * WIDE + i]!;
          expect(dataOf(found["sums"]!)[row * COLUMNS + c]).toBe(sum);
          if (Math.abs(sum) > 2 ** 23) saw.large++;
          for (const shift of SHIFTS) {
            const m = multipliers.get(`m${shift}`)![c]!;
            const wanted = rescaled(sum, m, shift, rounding);
            if (wanted === 32767 || wanted === -32768) saw.ends++;
            else if (sum !== 0 && m !== 0 && Math.abs(((sum * m) / 2 ** shift) % 1) === 0.5) saw.halves++;
            const got = dataOf(found[`s${shift}`]!)[row * COLUMNS + c]!;
            expect(Object.is(got, wanted + 0), `${sum} · ${m} / 2^${shift}, ${rounding}: ${got}, not ${wanted}`).toBe(true);
          }
        }
      }
      expect([saw.halves > 20, saw.ends > 20, saw.large > 5]).toEqual([true, true, true]);
      network.dispose();
    }, 240_000);
  });

  it("quantise rounds halves to even, holds what is far out, and gives no zero a sign", async () => {
    const values = [0, -0, 0.49, -0.49, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 126.5, 127.5, 127.49, -128.5, -127.5, -129, 1e9, -1e30, 3e38, 1e-40, 63.75, -31.25, 0.05, 0.15, -0.25];
    const scales = [1, 0.5, 0.1, 3];
    const net = netFromText(`spnet 1\nnet Q {\n  sites S : (x: 99)\n  input e : feat[S, 1]\n  ${scales.map((s, i) => `output q${i} = e |> quantise(scale=${s})`).join("\n  ")}\n}\n`);
    const network = await target().open(fuse(net.module, pipelines[2]![1]), { weights: net.weights });
    const found = await network.run({ e: { coords: line([values.length]), features: Float32Array.from(values) } });
    scales.forEach((scale, i) => {
      const wanted = values.map((v) => Math.min(Math.max(nearest(Math.fround(Math.fround(v) * Math.fround(1 / scale))), -128), 127) + 0);
      expect([...dataOf(found[`q${i}`]!)], `scale ${scale}`).toEqual(wanted);
    });
    network.dispose();
  });

  it("pools of batch items: exact sums, averages within a hundredth of the next number, and more than sums can hold", async () => {
    const sizes = [1, 2, 49, 99, 100, 101, 199, 200, 250, 0, 301];
    const random = numbers(5);
    const rest = (n: number): number => n - Math.floor(n / 100);
    // As many ones (and less ones) as make the rest .99 or just less, once with the full steps of a mean beside them.
    const values = sizes.flatMap((n) => Array.from({ length: n }, (_, i) => [i < rest(n) ? 1 : 0, i < rest(n) - 1 ? 1 : 0, i < Math.ceil(n / 100) ? -1 : 0, -2 - (i < Math.floor(n / 100) ? 1 : 0), i < n / 50 ? -128 : -127, Math.floor(random() * 256) - 128]));
    const net = netFromText('spnet 1\nnet P {\n  sites S : (x: 200000)\n  input e : feat[S, 6]\n  let q = e |> quantise\n  output average = q |> global_avg_pool\n  output sum = q |> global_sum_pool\n  output most = q |> global_max_pool\n}\n');
    const network = await target().open(fuse(net.module, pipelines[2]![1]), { weights: net.weights });
    const found = await network.run({ e: { coords: line(sizes), features: Float32Array.from(values.flat()) } }, { batch: sizes.length });
    let first = 0;
    sizes.forEach((n, item) => {
      const own = values.slice(first, first + n);
      first += n;
      for (let c = 0; c < 6; c++) {
        const sum = own.reduce((total, row) => total + row[c]!, 0);
        const average = n === 0 ? 0 : Number((100n * BigInt(sum) + BigInt(n)) / (100n * BigInt(n)));
        expect(dataOf(found["sum"]!)[item * 6 + c]).toBe(sum);
        expect(dataOf(found["average"]!)[item * 6 + c], `${sum} / ${n}`).toBe(average);
        expect(dataOf(found["most"]!)[item * 6 + c]).toBe(own.reduce((most, row) => Math.max(most, row[c]!), n === 0 ? 0 : -128));
      }
    });
    const many = 140_000;
    const full = await network.run({ e: { coords: line([many]), features: new Float32Array(6 * many).fill(127) } }, { batch: 1 });
    expect([...dataOf(full["sum"]!)]).toEqual(Array(6).fill(2 ** 24));
    expect([...dataOf(full["average"]!)]).toEqual(Array(6).fill(127));
    network.dispose();
  }, 240_000);

  describe.each(WHOLE_NETS)("networks of $name", ({ net, channels }) => {
    it.each(chosen)("%s", async (_name, pipeline) => {
      const network = await target().open(fuse(net.module, pipeline), { weights: net.weights });
      for (const n of rows) {
        const scene = wholeScene(70 + n, n, channels);
        const wanted = wantedOf(net, { e: scene }, 2);
        const found = await target().working(() => network.run({ e: scene }, { batch: 2 }));
        expectSame(found, wanted, `${n} rows`, 0);
        if (n < 100) continue;
        for (const [name, value] of wanted) expect(new Set(value.kind === "rulebook" ? [] : value.data).size, `${name} is not constant`).toBeGreaterThan(4);
      }
      network.dispose();
    }, 240_000);
  });
}
