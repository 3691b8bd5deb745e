import type { Entry } from "./entry.ts";

/** A network on points and their voxels, with these statements. */
const net = (statements: string, voxels = "(y: 8, x: 8) = voxels(P, size=0.5)"): string =>
  `spnet 1\nnet A {\n  sites P : (y, x) = points\n  sites V : ${voxels}\n  input p : feat[P, 4]\n${statements.replace(/^/gm, "  ")}\n}\n`;

export const points = {
  SP0490: {
    severity: "error",
    message: "`{operation}` needs sites on a grid, and points lie on none",
    explain: "On points work the operations that take each row by itself, all rows of a batch item, or all rows: `linear`, norms, activations, `+`, `*`, `cat`, global pools, `broadcast`. `voxelize` brings features of points to the voxels that they are in, where convolutions and local pools work.",
    bad: net("output y = p |> subm(8, k=3)"),
    good: net("output y = p |> voxelize(onto=V) |> subm(8, k=3)"),
  },
  SP0491: {
    severity: "error",
    message: "sites do not come from `{name}`",
    explain: "Behind its axes a site set can say where it comes from: `points` declares points as the caller gives them, `voxels(P, size=…)` the cells of a grid that points are in. Without it coordinates come from the caller.",
    bad: "spnet 1\nnet A {\n  sites P : (y, x) = pillars\n  input p : feat[P, 4]\n  output y = p |> linear(8)\n}\n",
    good: "spnet 1\nnet A {\n  sites P : (y, x) = points\n  input p : feat[P, 4]\n  output y = p |> linear(8)\n}\n",
  },
  SP0492: {
    severity: "error",
    message: "{what} cannot go with `{name}`",
    explain: "Points lie on no grid, so that there are no extents and nothing between them; and what points leave empty is missing.",
    bad: "spnet 1\nnet A {\n  sites P : (y: 8, x: 8) = points\n  input p : feat[P, 4]\n  output y = p |> linear(8)\n}\n",
    good: "spnet 1\nnet A {\n  sites P : (y, x) = points\n  input p : feat[P, 4]\n  output y = p |> linear(8)\n}\n",
  },
  SP0493: {
    severity: "error",
    message: "these voxels make no sense: {why}",
    explain: "`voxels(P, size=…, origin=…)` names a set of points with the same axes in the same order. Sizes are greater than 0; lists have one number per axis. Without extents nothing lies outside, so that `outside=drop` says nothing, and `max_voxels=` cannot say where points of voxels beyond the limit are.",
    bad: net("output y = p |> voxelize(onto=V)", "(x: 8, y: 8) = voxels(P, size=0.5)"),
    good: net("output y = p |> voxelize(onto=V)"),
  },
  SP0494: {
    severity: "error",
    message: "`voxelize` and `devoxelize` lead from points to their own voxels and back: {why}",
    explain: "`voxelize` takes features of points P and brings them onto a set `voxels(P, …)`, or onto one that derives from it by strides. `devoxelize` takes features on such a set back to P.",
    bad: net("sites S : (y: 8, x: 8)\ninput x : feat[S, 4]\noutput y = p |> voxelize(onto=x)\noutput z = p |> voxelize(onto=V)"),
    good: net("output y = p |> voxelize(onto=V/2)\noutput z = p |> voxelize(onto=V)"),
  },
  SP0495: {
    severity: "error",
    message: "`weights` says how `trilinear` weights sites",
    explain: "A point takes the features of the site that it is in as they are.",
    bad: net("output y = p |> voxelize(onto=V) |> devoxelize(weights=all)"),
    good: net("output y = p |> voxelize(onto=V) |> devoxelize(mode=trilinear, weights=all)"),
  },
} as const satisfies Record<string, Entry>;
