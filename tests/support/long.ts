/**
 * Files that try more shapes, sizes, pipelines and scenes of what others try already, most of them with kernels that a
 * software driver takes seconds to compile: half of the time of all tests. `npm test` leaves them out and says so,
 * `npm run test:all` and CI run them, and so does who names files.
 */
export const LONG: readonly string[] = [
  "tests/gpu/budgets.test.ts",
  "tests/gpu/coverage.test.ts",
  "tests/gpu/differential/dense-inputs.test.ts",
  "tests/gpu/differential/detector.test.ts",
  "tests/gpu/differential/examples.test.ts",
  "tests/gpu/differential/from-dense.test.ts",
  "tests/gpu/differential/geometry.test.ts",
  "tests/gpu/differential/prune.test.ts",
  "tests/gpu/differential/rows.test.ts",
  "tests/gpu/differential/wide.test.ts",
  "tests/gpu/geometry/random.test.ts",
  "tests/gpu/geometry/scans.test.ts",
  "tests/gpu/geometry/trouble.test.ts",
  "tests/gpu/ground.test.ts",
  "tests/gpu/kernels/conv.test.ts",
  "tests/gpu/whole.test.ts",
  "tests/passes/scale.test.ts",
  "tests/plan/counts.test.ts",
];

/** Whether they are wanted. */
export const runsLong = (): boolean => process.env["SPNET_TESTS"] === "all" || process.argv.some((arg) => arg.startsWith("tests/"));
