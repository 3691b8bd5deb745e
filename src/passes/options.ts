/** Options of passes: declared once, from which the pipeline text, its messages and docs/PASSES.md follow. */

export type OptionValue = boolean | number | string;

export interface BoolOption {
  readonly kind: "bool";
  readonly default: boolean;
  readonly doc: string;
}

export interface IntOption {
  readonly kind: "int";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}

export interface ChoiceOption<C extends string = string> {
  readonly kind: "choice";
  readonly choices: readonly C[];
  readonly default: C;
  readonly doc: string;
}

export type OptionDef = BoolOption | IntOption | ChoiceOption;
export type OptionDefs = Readonly<Record<string, OptionDef>>;

/** The values that `run` sees for the options a pass declares. */
export type OptionValues<O extends OptionDefs> = {
  readonly [K in keyof O]: O[K] extends BoolOption ? boolean : O[K] extends IntOption ? number : O[K] extends ChoiceOption<infer C> ? C : never;
};

export const bool = (def: boolean, doc: string): BoolOption => ({ kind: "bool", default: def, doc });

export const int = (def: number, min: number, max: number, doc: string): IntOption => ({ kind: "int", default: def, min, max, doc });

export const choice = <const C extends string>(choices: readonly C[], def: NoInfer<C>, doc: string): ChoiceOption<C> => ({ kind: "choice", choices, default: def, doc });

/** What `text` means for an option, or undefined when it is not one of its values. */
export function parseOption(def: OptionDef, text: string): OptionValue | undefined {
  switch (def.kind) {
    case "bool":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "int": {
      if (!/^\d{1,9}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= def.min && value <= def.max ? value : undefined;
    }
    case "choice":
      return def.choices.includes(text) ? text : undefined;
  }
}

/** The values of an option in words: `true|false`, `1..1024`, `never|model|always`. */
export function optionRange(def: OptionDef): string {
  switch (def.kind) {
    case "bool":
      return "true|false";
    case "int":
      return `${def.min}..${def.max}`;
    case "choice":
      return def.choices.join("|");
  }
}
