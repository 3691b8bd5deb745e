import { describe, expect, it } from "vitest";
import { coverageNet, DIALECTS, DIMENSIONS, REFUSALS, type Accepted, type CoverageNet } from "../coverage/cases.ts";
import { recordCoverage } from "../support/parity.ts";
import { compareOutput, randomInputs, wantedOf, type Inputs } from "../support/differential.ts";
import { fuse, pipelines } from "../support/plan-runs.ts";
import { netFromText } from "../support/source-net.ts";
import { useTarget, type OpenTarget, type TestTarget } from "../support/target.ts";
import type { Module } from "../../src/ir/module.ts";

const BATCH = 3;
const TOLERANCE = 1e-5;
/** One kernel per operation. */
const BASELINE = pipelines[0]![1];

/** The code with which a target refuses forms; undefined where it takes them. */
function refusal(net: CoverageNet, forms: readonly Accepted[], lower: (fused: Module) => unknown): string | undefined {
  try {
    lower(fuse(netFromText(net.text(forms)).module, BASELINE));
    return undefined;
  } catch (error) {
    const code = error instanceof Error ? /^(SP\d{4})/.exec(error.message)?.[1] : undefined;
    if (code === undefined) throw error;
    return code;
  }
}

/**
 * Every form of every operation that the language accepts, for every dialect and number of axes, against the interpreter on
 * random rows; what means the same in two dialects runs once. `lower` compiles without a device; forms that it refuses are
 * recorded, and must be those of REFUSALS.
 */
export function coverageSuite(open: OpenTarget, lower: (fused: Module) => unknown): void {
  const target = useTarget(open);

  describe.each(DIMENSIONS)("%dD", (dim) => {
    /** How far each form was, by its IR. */
    const errors = new Map<string, number>();

    it.each(DIALECTS.map((dialect) => [dialect ?? "no dialect", dialect] as const))("%s", async (_name, dialect) => {
      const net = coverageNet(dialect, dim);
      const { name } = target();
      const some = refusal(net, net.accepted, lower) !== undefined;
      const codes = net.accepted.map((form) => ({ form, code: some ? refusal(net, [form], lower) : undefined }));
      expect(codes.filter(({ form, code }) => code !== REFUSALS[name][form.op]).map(({ form, code }) => `${form.text}: ${code ?? "not refused any more"}`)).toEqual([]);
      const forms = codes.filter(({ code }) => code === undefined).map(({ form }) => form);
      const fresh = forms.filter(({ ir }) => !errors.has(ir));
      for (const [{ ir }, error] of await run(target(), net, fresh)) errors.set(ir, error);

      const at = { target: name, dialect: dialect ?? "", dim };
      for (const { op, form, text, code } of net.refused) recordCoverage({ ...at, op, form: form.name, text, refused: { by: "language", code } });
      for (const { form: { op, form, text }, code } of codes) if (code !== undefined) recordCoverage({ ...at, op, form: form.name, text, refused: { by: "target", code } });
      for (const { op, form, text, ir } of forms) recordCoverage({ ...at, op, form: form.name, text, error: errors.get(ir)! });
    });
  });
}

/** From −8 to 8, so that every branch of an activation has rows. */
const spread = (inputs: Inputs): Inputs => Object.fromEntries(Object.entries(inputs).map(([name, { coords, features }]) => [name, { coords, features: features.map((v) => 8 * v) }]));

/** The forms as outputs of one network; the largest difference of each from the interpreter. */
async function run(target: TestTarget, net: CoverageNet, forms: readonly Accepted[]): Promise<ReadonlyMap<Accepted, number>> {
  const errors = new Map(forms.map((form) => [form, 0]));
  if (forms.length === 0) return errors;
  const source = netFromText(net.text(forms), net.dim);
  const network = await target.open(fuse(source.module, BASELINE), { weights: source.weights });
  for (const rows of [45, 1, 0]) {
    const drawn = randomInputs(source.module, 1000 * net.dim + rows, rows, BATCH);
    // One row alone may be where an activation is next to nothing, and then its rounding is all there is.
    const inputs = rows > 1 ? spread(drawn) : drawn;
    const wanted = wantedOf(source, inputs, BATCH);
    const outputs = await target.working(() => network.run(inputs, { batch: BATCH }));
    for (const form of forms) {
      const [value, label] = [wanted.get(form.output)!, `${form.op}, ${rows} rows: ${form.text}`];
      if (rows > 1) expect("data" in value && value.data.some((v) => v !== 0), `${label}: has something to compare`).toBe(true);
      errors.set(form, Math.max(errors.get(form)!, compareOutput(outputs[form.output]!, value, label, TOLERANCE)));
    }
  }
  network.dispose();
  return errors;
}
