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

function printPlace(place: Place): string {
  const file = plainName.test(place.file) ? place.file : JSON.stringify(place.file);
  const here = `${file}:${place.line}:${place.column}`;
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
