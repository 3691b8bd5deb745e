import { composePointwise } from "./compose-pointwise.ts";
import { cse } from "./cse.ts";
import { dce } from "./dce.ts";
import { deferDense } from "./defer-dense.ts";
import { foldBn } from "./fold-bn.ts";
import { foldScale } from "./fold-scale.ts";
import { fuseCat } from "./fuse-cat.ts";
import { fuseEpilogue } from "./fuse-epilogue.ts";
import { fusePairs } from "./fuse-pairs.ts";
import { fusePointwiseChain } from "./fuse-pointwise-chain.ts";
import { fuseShortcut } from "./fuse-shortcut.ts";
import { fuseSiblings } from "./fuse-siblings.ts";
import { ground } from "./ground.ts";
import { lower } from "./lower.ts";
import type { Pass } from "./pass.ts";
import { reuseRulebooks } from "./reuse-rulebooks.ts";
import { schedule } from "./schedule.ts";
import { skipZeros } from "./skip-zeros.ts";
import { splitPairs } from "./split-pairs.ts";

/** Every pass, in the order of the full pipeline. Adding one is adding a line here and its file beside it. */
const all: readonly Pass[] = [
  ground,
  lower,
  reuseRulebooks,
  fuseCat,
  foldBn,
  foldScale,
  composePointwise,
  fuseShortcut,
  fuseEpilogue,
  fuseSiblings,
  fusePointwiseChain,
  fusePairs,
  splitPairs,
  skipZeros,
  deferDense,
  cse,
  dce,
  schedule,
];

export const passes: ReadonlyMap<string, Pass> = new Map(all.map((pass) => [pass.name, pass]));
