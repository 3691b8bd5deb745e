/** A place in a `.spnet` file, one-based, with the call that brought a block's statement here. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly via?: Place;
}

/** Where an op comes from: one place, or several when ops were merged. Never empty in a module made from source. */
export type Loc = readonly Place[];

/** File names that print without quotes. */
const plainName = /^[A-Za-z0-9_.-][A-Za-z0-9_./-]*$/;

/** `second.spnet:9:22 via blocks.spnet:3:5`, places separated by commas; unusual file names in quotes. */
export function printLoc(loc: Loc): string {
  return loc.map(printPlace).join(", ");
}

/**
 * Shorter, for people: places that follow each other in one file and came in by the same calls share both,
 * `blocks.spnet:7:15 7:38 7:61 via second.spnet:10:22`.
 */
export function printLocBriefly(loc: Loc): string {
  const groups: { readonly file: string; readonly via: string; readonly at: string[] }[] = [];
  for (const place of loc) {
    const [file, via] = [printFile(place), place.via === undefined ? "" : ` via ${printPlace(place.via)}`];
    const last = groups.at(-1);
    const at = `${place.line}:${place.column}`;
    if (last?.file === file && last.via === via) last.at.push(at);
    else groups.push({ file, via, at: [at] });
  }
  return groups.map(({ file, via, at }) => `${file}:${at.join(" ")}${via}`).join(", ");
}

const printFile = (place: Place): string => (plainName.test(place.file) ? place.file : JSON.stringify(place.file));

function printPlace(place: Place): string {
  const here = `${printFile(place)}:${place.line}:${place.column}`;
  return place.via === undefined ? here : `${here} via ${printPlace(place.via)}`;
}

/** The places of all, each once, in order of first appearance. */
export function mergeLocs(...locs: readonly Loc[]): Loc {
  const seen = new Map<string, Place>();
  for (const place of locs.flat()) {
    const key = printPlace(place);
    if (!seen.has(key)) seen.set(key, place);
  }
  return [...seen.values()];
}
