import type { OptionDefs } from "./command.ts";

/** Options of commands that compile what `spnet tune` has measured. */
export const TUNING_OPTIONS: OptionDefs = {
  tuning: { value: "FILE", doc: "choices that `spnet tune` found; ignored, and said so, where they were made for something else" },
  adapter: { value: "TEXT", doc: "which adapter's entry of the tuning file, where it has several" },
};
