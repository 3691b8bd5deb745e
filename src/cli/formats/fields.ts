/** Which columns of a table are coordinates and which are features. */
import { inputError } from "../errors.ts";
import type { InputSpec } from "../files/scene.ts";
import type { Column, Table } from "./table.ts";

/** What `--fields` says: coordinates in the order of the grid's options, then features; undefined parts are chosen by default. */
export interface FieldChoice {
  readonly coordinates: readonly string[] | undefined;
  readonly features: readonly string[] | undefined;
  /** What stands before it where it is one input's of several: `NAME=`. */
  readonly of?: string;
}

/** Columns chosen for an input. */
export interface Fields {
  /** Axes of the network in the order of --voxel and --range, each with its column. */
  readonly coordinates: readonly { readonly axis: string; readonly column: Column }[];
  readonly features: readonly Column[];
  /** As `--fields` says it. */
  readonly text: string;
}

/** `x,y,z:intensity` or `t=time,y,x:` or `:red,green,blue`. */
function parseFields(text: string): FieldChoice {
  const [coordinates, features] = text.split(":").map((part) => part.split(",").map((word) => word.trim()).filter((word) => word !== ""));
  return { coordinates: coordinates!.length === 0 ? undefined : coordinates, features: features === undefined || features.length === 0 ? undefined : features };
}

/**
 * What the texts of `--fields` say of each input that is made of points: `NAME=…` of one, others of all that have none of
 * their own. Where an input is called as one of its axes, `NAME=` is the axis. SP0842: one input twice, or one that is
 * not made of points.
 */
export function fieldChoices(given: readonly string[], inputs: readonly InputSpec[], ofPoints: ReadonlySet<string>): ReadonlyMap<string, FieldChoice> {
  const named = new Map<string, string>();
  let others: string | undefined;
  const refuse = (what: string): Error => inputError("SP0842", `--fields ${what}`, { help: "it chooses columns of files of points: once for all inputs, or NAME=COORDINATES:FEATURES for one" });
  for (const text of given) {
    const input = inputs.find(({ name, axes }) => text.startsWith(`${name}=`) && !axes.includes(name));
    if (input === undefined) {
      if (others !== undefined) throw refuse(`is given twice: ${others} and ${text}`);
      others = text;
      continue;
    }
    if (named.has(input.name)) throw refuse(`is given twice for input \`${input.name}\``);
    if (!ofPoints.has(input.name)) throw refuse(`names input \`${input.name}\`, which is not made of points`);
    named.set(input.name, text.slice(input.name.length + 1));
  }
  if (others !== undefined && ofPoints.size > 0 && named.size === ofPoints.size) throw refuse(`${others} is for no input: each has its own`);
  return new Map([...ofPoints].map((name) => [name, { ...parseFields(named.get(name) ?? others ?? ""), ...(inputs.length > 1 ? { of: `${name}=` } : {}) }]));
}

/** Names by which one quantity goes. */
const ALIASES: readonly (readonly string[])[] = [
  ["t", "ts", "time", "timestamp", "timestamps"], ["p", "pol", "polarity", "polarities"], ["intensity", "i", "reflectance", "remission"],
  ["red", "r", "diffuse_red"], ["green", "g", "diffuse_green"], ["blue", "b", "diffuse_blue"],
];

/** Order of the grid's options where --fields does not say: x, y, z, t, then the network's own. */
const ORDER = ["x", "y", "z", "t"];

/** A column by its name; in any case, or another name of the same quantity, where that is not there. */
export function findColumn(columns: readonly Column[], name: string): Column | undefined {
  const exact = columns.find((c) => c.name === name);
  const lower = name.toLowerCase();
  const names = ALIASES.find((group) => group.includes(lower)) ?? [lower];
  return exact ?? columns.find((c) => c.name.toLowerCase() === lower) ?? columns.find((c) => names.includes(c.name.toLowerCase()));
}

/**
 * Chooses by `choice`, or: each axis is the column of its name; features are the first columns of a file that names
 * none, else those that are no coordinates if they are enough, else coordinates and then the others. Events count as
 * `off,on` on two channels; `1` stands for the constant. SP0842: columns that are not there or not enough.
 */
export function chooseFields(table: Table, spec: InputSpec, choice: FieldChoice): Fields {
  const known = withDerived(table);
  const coordinates = chooseCoordinates(table, known, spec, choice.coordinates);
  const names = choice.features ?? defaultFeatures(table, coordinates.map((c) => c.column.name), spec);
  if (names.length !== spec.channels) throw mismatch(table, `--fields names ${names.length} features, input \`${spec.name}\` has ${spec.channels} channels`);
  const features = names.map((name) => column(table, known, name));
  const text = `${choice.of ?? ""}${coordinates.map((c) => (c.axis === c.column.name ? c.axis : `${c.axis}=${c.column.name}`)).join(",")}:${features.map((c) => c.name).join(",")}`;
  return { coordinates, features, text };
}

function mismatch(table: Table, what: string): Error {
  return inputError("SP0842", `${table.file}: ${what}`, { help: `it has the columns ${table.columns.map((c) => c.name).join(", ")}; say --fields COORDINATES:FEATURES` });
}

function column(table: Table, known: readonly Column[], name: string): Column {
  const negated = name.startsWith("-");
  const found = findColumn(known, negated ? name.slice(1) : name);
  if (found === undefined) throw mismatch(table, `there is no column \`${name}\``);
  return negated ? { name, values: found.values.map((v) => -v) } : found;
}

function chooseCoordinates(table: Table, known: readonly Column[], spec: InputSpec, names: readonly string[] | undefined): Fields["coordinates"] {
  const order = [...ORDER.filter((axis) => spec.axes.includes(axis)), ...spec.axes.filter((axis) => !ORDER.includes(axis))];
  const chosen = (names ?? order).map((word) => {
    const at = word.indexOf("=");
    const name = at < 0 ? word : word.slice(at + 1);
    const found = column(table, known, name);
    const axis = at >= 0 ? word.slice(0, at) : (spec.axes.find((a) => a === name || findColumn([found], a) !== undefined) ?? name);
    return { axis, column: found };
  });
  const axes = new Set(chosen.map((c) => c.axis));
  if (axes.size !== chosen.length || chosen.length !== spec.axes.length || !spec.axes.every((axis) => axes.has(axis))) {
    throw mismatch(table, `coordinates are ${chosen.map((c) => c.axis).join(", ")}, input \`${spec.name}\` has the axes ${spec.axes.join(", ")}: write AXIS=COLUMN where names differ`);
  }
  return chosen;
}

/** The table's columns, the constant 1, and for events whether each is on or off. */
function withDerived({ columns, rows }: Table): readonly Column[] {
  const polarity = findColumn(columns, "p");
  const events = polarity === undefined ? [] : [{ name: "on", values: Float32Array.from(polarity.values, (p) => (p > 0 ? 1 : 0)) }, { name: "off", values: Float32Array.from(polarity.values, (p) => (p > 0 ? 0 : 1)) }];
  return [...columns, ...events, { name: "1", values: new Float32Array(rows).fill(1) }];
}

/** Whether rows are events: a pixel, a time and a polarity. */
export const isEvents = ({ columns }: Table): boolean => ["x", "y", "t", "p"].every((name) => findColumn(columns, name) !== undefined);

function defaultFeatures(table: Table, coordinates: readonly string[], { name: input, channels }: InputSpec): readonly string[] {
  const all = table.columns.map((c) => c.name);
  const others = all.filter((name) => !coordinates.includes(name));
  if (isEvents(table) && channels <= 2) return channels === 2 ? ["off", "on"] : ["1"];
  if (table.kind === "strokes" && channels <= 3) return ["1", "dx", "dy"].slice(0, channels);
  const pool = table.unnamed ? all : channels <= others.length ? others : others.length === 0 && channels === 1 ? ["1"] : [...coordinates, ...others];
  if (pool.length < channels) throw inputError("SP0834", `${table.file} has ${all.length} columns per point (${all.join(", ")}), input \`${input}\` needs ${channels} channels`, { help: "say how many numbers a point has with --columns, or which are features with --fields" });
  return pool.slice(0, channels);
}
