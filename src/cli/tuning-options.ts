import type { OptionDefs } from "./command.ts";

/** Options of commands that compile what `spnet tune` has measured. */
export const TUNING_OPTIONS: OptionDefs = {
  tuning: { value: "FILE", doc: "choices that `spnet tune` found; ignored, and said so, where they were made for something else" },
  adapter: { value: "TEXT", doc: "which adapter's entry of the tuning file is taken: its name or a part of it, or any (default: the adapter that it runs on, where that is known)" },
};
