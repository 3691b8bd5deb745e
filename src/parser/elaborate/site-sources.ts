import type { OperationSignature } from "./host.ts";

/** What a site set can come from, written behind its axes, with its parameters. */
export const siteSources: ReadonlyMap<string, OperationSignature> = new Map(
  [
    { name: "points", parameters: [], weights: false },
    {
      name: "voxels",
      weights: false,
      parameters: [
        { name: "points", kind: "sites", required: true, doc: "the points" },
        { name: "size", kind: "numbers", required: true, doc: "edge of a voxel, one number or one per axis" },
        { name: "origin", kind: "numbers", required: false, doc: "where cell 0 begins" },
        { name: "rounding", kind: "word", required: false, doc: "how a quotient becomes a cell", choices: ["floor", "nearest"] },
        { name: "outside", kind: "word", required: false, doc: "what becomes of points beyond the extents", choices: ["error", "drop"] },
        { name: "max_voxels", kind: "int", required: false, doc: "voxels of a batch item at most, the first ones to appear in the points' order; points of later ones are left out" },
      ],
    },
  ].map((source) => [source.name, source as OperationSignature]),
);
