import { diagnose } from "../../parser/diagnostics/catalog.ts";
import { voxelsProblem } from "../ops/points.ts";
import type { FeatType } from "../types.ts";
import { optional, required, xParameter, type SurfaceOp } from "./op.ts";
import type { Operand, Use } from "./use.ts";

/** The operand when it is features of points; undefined after reporting. */
function ofPoints(use: Use): Operand<FeatType> | undefined {
  const x = use.cells("x");
  if (x === undefined || use.net.isPoints(x.type.sites)) return x;
  return use.report(diagnose("SP0494", { why: `this is on ${x.type.sites}` }, [{ span: x.span, text: "no features of points" }]));
}

export const voxelize: SurfaceOp = {
  name: "voxelize",
  doc: "Features of points become features of the sites that they are in, on `V` of `sites V : (…) = voxels(P, …)` or on sites that derive from it: a point with cell c is in site floor(c / stride). A site without points gets 0.",
  weights: false,
  foreign: ["point_to_voxel", "spvoxelize", "initial_voxelize", "PointToVoxel", "MeanVFE"],
  parameters: [
    xParameter,
    required("onto", "sites", "the sites: `V`, `V/4` for those that a stride of 4 leads to by `floor`, or a value on sites that derive from `V`"),
    optional("reduce", "word", "what becomes of the points of a site", { choices: ["mean", "sum", "max", "first"], fallback: "`mean`" }),
    optional("max_points", "int", "points of a site that count at most, the first ones in the caller's order", { fallback: "all" }),
  ],
  foreignArguments: {
    max_num_points: { kind: "spelled", spelling: "max_points" },
    max_voxels: { kind: "needless", why: "`max_voxels=` of `voxels(…)` limits them, for all that is on these sites" },
  },
  build(use) {
    const x = ofPoints(use);
    const { sites } = use.net;
    const given = use.value("onto");
    const onto = given?.kind === "sites" ? given.id : use.feat("onto")?.type.sites;
    if (x === undefined || onto === undefined) return undefined;
    const wrong = use.net.isPoints(onto) ? `${onto} are points` : voxelsProblem(sites, onto);
    const other = wrong === undefined && sites.pointsOf(onto) !== x.type.sites ? `they are voxels of ${sites.pointsOf(onto)}` : wrong;
    if (other !== undefined) return use.report(diagnose("SP0494", { why: other.replaceAll("@", "") }, [{ span: use.spanOf("onto"), text: "these sites" }, { span: x.span, text: `points of ${x.type.sites}` }]));
    const most = use.has("max_points") ? use.whole("max_points") : 0;
    if (use.has("max_points") && most < 1) return use.report(diagnose("SP0412", { parameter: "max_points", least: 1, found: most }, [{ span: use.spanOf("max_points"), text: "at least 1" }]));
    const reduce = use.text("reduce") ?? "mean";
    return use.add("voxelize", [x.id], reduce === "first" ? { onto, mode: "sum", most: 1 } : { onto, mode: reduce, most });
  },
};

export const devoxelize: SurfaceOp = {
  name: "devoxelize",
  doc: "Features of voxels become features of their points, in the points' order. `trilinear` is linear between the sites around a point on any number of axes, a site lying at its own coordinates times its stride. A point without sites around it, or left out of the grid, gets 0.",
  weights: false,
  foreign: ["voxel_to_point", "spdevoxelize", "MinkowskiInterpolation", "gather_features_by_pc_voxel_id"],
  parameters: [
    xParameter,
    optional("onto", "sites", "the points, to say so: there is one set of them", { fallback: "those of the voxels" }),
    optional("mode", "word", "the features of the site that a point is in, or those of the sites around it", { choices: ["nearest", "trilinear"], fallback: "`nearest`" }),
    optional("weights", "word", "of `trilinear`: scaled to a sum of 1 over the sites that are there, as TorchSparse does, or as they are, as MinkowskiEngine does", { choices: ["present", "all"], fallback: "`present`" }),
  ],
  build(use) {
    const x = use.feat("x");
    if (x === undefined) return undefined;
    const { sites } = use.net;
    const wrong = voxelsProblem(sites, x.type.sites);
    if (wrong !== undefined) return use.report(diagnose("SP0494", { why: wrong.replaceAll("@", "") }, [{ span: x.span, text: `on ${x.type.sites}` }]));
    const given = use.value("onto");
    const onto = given?.kind === "sites" ? given.id : given === undefined ? undefined : use.cells("onto")?.type.sites;
    if (given !== undefined && onto !== sites.pointsOf(x.type.sites)) {
      return onto === undefined ? undefined : use.report(diagnose("SP0494", { why: `${x.type.sites} are voxels of ${sites.pointsOf(x.type.sites)}` }, [{ span: use.spanOf("onto"), text: `this is ${onto}` }, { span: x.span, text: `on ${x.type.sites}` }]));
    }
    const trilinear = use.text("mode") === "trilinear";
    if (!trilinear && use.has("weights")) return use.report(diagnose("SP0495", {}, [{ span: use.spanOf("weights"), text: "without `mode=trilinear`" }]));
    return use.add("devoxelize", [x.id], { weights: trilinear ? (use.text("weights") ?? "present") : "nearest" });
  },
};
