import type { CpuPlan } from "../../runtime/cpu/plan.ts";
import type { Plan } from "../../runtime/plan.ts";

/** An object of plan data. */
type Entry = Readonly<Record<string, unknown>>;

/** JSON laid out for reading: one line per step, buffer and input. What is the same in `other` refers to it. */
export function printPlan(plan: Plan | CpuPlan, other?: Plan): string {
  return printEntries(plan, other, printData);
}

/**
 * The same value as a shorter expression: objects of one form are made by a function that is named after what they are
 * and has in it what they have in common, `param("conv1.weight",[27,4,16])`.
 */
export function printPlanBriefly(plan: Plan | CpuPlan, other?: Plan): string {
  const makers = new Makers(plan);
  const body = printEntries(plan, other, (value) => makers.print(value));
  return `(() => {\n${makers.definitions()}return ${body};\n})()`;
}

function printEntries(plan: Plan | CpuPlan, other: Plan | undefined, print: (value: unknown) => string): string {
  const entries = Object.entries(plan).map(([key, value]) => {
    if (other !== undefined && printData((other as unknown as Entry)[key]) === printData(value)) return `${key}: plan.${key},`;
    if (!Array.isArray(value)) return `${key}: ${print(value)},`;
    return value.length === 0 ? `${key}: [],` : `${key}: [\n${value.map((v) => `${print(v)},`).join("\n")}\n],`;
  });
  return `{\n${entries.join("\n")}\n}`;
}

/** JSON with unquoted plain keys; U+2028 and U+2029 are legal in both, `__proto__` is not a plain key. */
function printData(value: unknown): string {
  return printWith(value, printData);
}

function printWith(value: unknown, print: (inner: unknown) => string): string {
  if (Array.isArray(value)) return `[${value.map(print).join(",")}]`;
  if (isEntry(value)) return `{${fields(value).map(([k, v]) => `${/^[A-Za-z]\w*$/.test(k) ? k : JSON.stringify(k)}:${print(v)}`).join(",")}}`;
  return JSON.stringify(value) ?? "undefined";
}

const isEntry = (value: unknown): value is Entry => typeof value === "object" && value !== null && !Array.isArray(value);

const fields = (entry: Entry): readonly (readonly [string, unknown])[] => Object.entries(entry).filter(([, v]) => v !== undefined);

/** Occurrences of a form from which on a function for it is shorter. */
const WORTH = 4;

/** A form of objects: the same fields in the same order, and the same value of the field that says what they are. */
interface Maker {
  readonly name: string;
  readonly keys: readonly string[];
  /** Text of each field that is the same everywhere. */
  readonly fixed: Map<string, string>;
  uses: number;
}

class Makers {
  readonly #byForm = new Map<string, Maker>();

  constructor(plan: Plan | CpuPlan) {
    for (const [key, value] of Object.entries(plan)) this.#learn(value, key);
    const names = new Map<string, number>();
    for (const [form, maker] of this.#byForm) {
      if (maker.uses < WORTH || maker.keys.length < 2) {
        this.#byForm.delete(form);
        continue;
      }
      const before = names.get(maker.name) ?? 0;
      names.set(maker.name, before + 1);
      if (before > 0) this.#byForm.set(form, { ...maker, name: `${maker.name}${before + 1}` });
    }
  }

  /** One function per form, each on a line. */
  definitions(): string {
    return [...this.#byForm.values()]
      .map(({ name, keys, fixed }) => `const ${name} = (${keys.filter((k) => !fixed.has(k)).join(",")}) => ({${keys.map((k) => (fixed.has(k) ? `${k}:${fixed.get(k)}` : k)).join(",")}});\n`)
      .join("");
  }

  print(value: unknown): string {
    const print = (inner: unknown): string => this.print(inner);
    const maker = isEntry(value) ? this.#byForm.get(formOf(value)) : undefined;
    if (maker === undefined || !isEntry(value)) return printWith(value, print);
    return `${maker.name}(${maker.keys.filter((k) => !maker.fixed.has(k)).map((k) => print(value[k])).join(",")})`;
  }

  #learn(value: unknown, key: string): void {
    if (Array.isArray(value)) for (const v of value) this.#learn(v, key);
    if (!isEntry(value)) return;
    const form = formOf(value);
    const known = this.#byForm.get(form);
    if (known === undefined) {
      this.#byForm.set(form, { name: nameOf(value, key), keys: fields(value).map(([k]) => k), fixed: new Map(fields(value).map(([k, v]) => [k, printData(v)])), uses: 1 });
    } else {
      known.uses++;
      for (const [k, v] of fields(value)) if (known.fixed.get(k) !== printData(v)) known.fixed.delete(k);
    }
    for (const [k, v] of fields(value)) this.#learn(v, k);
  }
}

/** The field that says what an object is, where it has one. */
const kindOf = (entry: Entry): unknown => entry["op"] ?? entry["bind"] ?? entry["kind"];

const formOf = (entry: Entry): string => `${String(kindOf(entry))}(${fields(entry).map(([k]) => k).join()})`;

/** `steps` holds `step`s. */
function nameOf(entry: Entry, key: string): string {
  const kind = kindOf(entry);
  return typeof kind === "string" ? kind : key.replace(/s$/, "");
}
