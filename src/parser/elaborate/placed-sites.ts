import type { CallExpr, SitesStmt } from "../ast.ts";
import { diagnose } from "../diagnostics/catalog.ts";
import { readArguments } from "./calls.ts";
import type { Argument, NetHost, VoxelsValue } from "./host.ts";
import type { Frame } from "./machine.ts";
import { siteSources } from "./site-sources.ts";
import { errorValue, type Value } from "./values.ts";

/** Sites that do not come from the caller's coordinates: points, or the voxels that points are in. */
export function placedSites(frame: Frame, stmt: SitesStmt, source: CallExpr, axes: readonly string[], extents: readonly number[] | undefined, net: NetHost): Value {
  const signature = siteSources.get(source.callee.name);
  const binding = frame.machine.bindings.get(source);
  if (signature === undefined || binding === undefined) return errorValue;
  const name = stmt.name.name;
  if (stmt.ground !== undefined) return frame.machine.report(frame, diagnose("SP0492", { what: "a ground", name: signature.name }, [{ span: stmt.ground.span, text: "not here" }]));
  const args = readArguments(frame, binding, signature, undefined);
  if (args === undefined) return errorValue;
  if (signature.name === "points") {
    const extent = stmt.axes.find((axis) => axis.extent !== undefined)?.extent;
    if (extent !== undefined) return frame.machine.report(frame, diagnose("SP0492", { what: "extents", name: "points" }, [{ span: extent.span, text: "not here" }]));
    return { kind: "sites", id: net.declarePoints(name, axes) };
  }
  const of = (parameter: string): Argument | undefined => args.get(parameter)?.[0];
  const points = of("points")!;
  if (points.value.kind !== "sites") return frame.machine.report(frame, diagnose("SP0493", { why: "they are made of points" }, [{ span: points.span, text: "no set of points" }]));
  const [outside, most] = [of("outside"), of("max_voxels")?.value];
  const voxels: VoxelsValue = {
    points: { id: points.value.id, span: points.span },
    size: numbersOf(of("size")!),
    origin: of("origin") === undefined ? undefined : numbersOf(of("origin")!),
    rounding: wordOf(of("rounding")) === "nearest" ? "nearest" : "floor",
    outside: { value: wordOf(outside) === "drop" ? "drop" : "error", span: outside?.span ?? source.span },
    maxVoxels: most?.kind === "int" ? most.value : undefined,
    span: source.span,
  };
  const id = net.declareVoxels(name, axes, extents, voxels);
  return id === undefined ? errorValue : { kind: "sites", id };
}

const wordOf = (argument: Argument | undefined): string | undefined => (argument?.value.kind === "text" ? argument.value.value : undefined);

function numbersOf({ value, span }: Argument): VoxelsValue["size"] {
  const number = (v: Value): number => (v.kind === "int" || v.kind === "float" ? v.value : Number.NaN);
  return { value: value.kind === "list" ? value.items.map(number) : number(value), span };
}
