import type { CoordsInput, DenseGiven, FeaturesInput, SparseInput } from "./api.ts";
import { isDenseInput } from "./dense-inputs.ts";
import { checkNames, sparseInputs } from "./inputs.ts";
import type { InputPlan } from "./plan.ts";

/** What `run` was given, apart: the coordinates of inputs on sites, and what all inputs hold. SP0816. */
export function splitInputs(plan: { readonly inputs: readonly InputPlan[] }, given: Readonly<Record<string, unknown>>): { readonly coords: Readonly<Record<string, CoordsInput>>; readonly features: Readonly<Record<string, FeaturesInput | DenseGiven>> } {
  checkNames(plan, Object.keys(given));
  const sparse = (input: InputPlan): SparseInput => given[input.name] as SparseInput;
  return {
    coords: Object.fromEntries(sparseInputs(plan).map((input) => [input.name, sparse(input).coords])),
    features: Object.fromEntries(plan.inputs.map((input) => [input.name, isDenseInput(input) ? (given[input.name] as DenseGiven) : sparse(input).features])),
  };
}
