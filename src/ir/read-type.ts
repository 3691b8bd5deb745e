import { isList, type AttrValue } from "./module.ts";
import { dense, DTYPES, feat, param, rulebook, vec, type DType, type Type } from "./types.ts";

const sizes = (value: AttrValue | undefined): readonly number[] | undefined =>
  isList(value) && value.every((n) => Number.isSafeInteger(n)) ? (value as readonly number[]) : undefined;
const site = (value: AttrValue | undefined): string | undefined => (typeof value === "string" && value.startsWith("@") ? value.slice(1) : undefined);
const dtypeOf = (value: AttrValue | undefined): DType | undefined => DTYPES.find((known) => known === value);

/** The type that `printType` prints as name<args>; arguments are numbers, lists of numbers, `@site` and dtype words. */
export function readType(name: string, args: readonly AttrValue[]): Type | undefined {
  switch (name) {
    case "feat":
    case "vec": {
      const [sites, channels, dtype] = [site(args[0]), args[1], dtypeOf(args[2])];
      if (args.length !== 3 || sites === undefined || !Number.isSafeInteger(channels) || dtype === undefined) return undefined;
      return (name === "feat" ? feat : vec)(sites, channels as number, dtype);
    }
    case "dense":
    case "param": {
      const [shape, dtype] = [sizes(args[0]), dtypeOf(args[1])];
      if (args.length !== 2 || shape === undefined || dtype === undefined) return undefined;
      return (name === "dense" ? dense : param)(shape, dtype);
    }
    case "rulebook": {
      const [from, to, kernel] = [site(args[0]), site(args[1]), sizes(args[2])];
      if (args.length !== 3 || from === undefined || to === undefined || kernel === undefined) return undefined;
      return rulebook(from, to, kernel);
    }
    case "buffer":
      return args.length === 0 ? { kind: "buffer" } : undefined;
    default:
      return undefined;
  }
}
