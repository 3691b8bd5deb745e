import type { ForeignArgument, ForeignOperation } from "../../parser/elaborate/host.ts";
import { surfaceOps } from "./registry.ts";

const spelled = (spelling: string, note?: string): ForeignOperation => ({ kind: "spelled", spelling, ...(note === undefined ? {} : { note }) });
const needless = (why: string): ForeignOperation => ({ kind: "needless", why });

const pipe = "operations are chained with `|>`";

/** Names that are no single operation here, and operations that are planned. */
const special: Readonly<Record<string, ForeignOperation>> = {
  MinkowskiChannelwiseConvolution: spelled("conv", "with `groups=channels(x)` and as many channels"),
  MinkowskiBroadcast: spelled("broadcast", "with `by=copy`"),
  MinkowskiBroadcastMultiplication: spelled("broadcast", "with `by=product`"),
  MinkowskiBroadcastAddition: spelled("broadcast", "with `by=sum`"),
  MinkowskiBroadcastConcatenation: spelled("broadcast", "with `by=cat`"),
  MinkowskiStableInstanceNorm: spelled("instance_norm", "with `eps=1e-6`"),
  Conv1d: spelled("conv", "on sites; `conv1d` on a dense tensor"),
  Conv3d: spelled("conv", "on sites; `conv3d` on a dense tensor"),
  UpsamplingBilinear2d: spelled("upsample", "with `mode=bilinear, align_corners=true`"),
  SparseSequential: spelled("|>", pipe),
  Sequential: spelled("|>", pipe),
  AddTable: spelled("+"),
  add: spelled("+"),
  mul: spelled("*"),
  multiply: spelled("*"),
  BatchNormReLU: spelled("bn |> relu"),
  BatchNormLeakyReLU: spelled("bn |> leaky_relu"),
  Dropout: needless("dropout does nothing when a trained network runs"),
  dropout: needless("dropout does nothing when a trained network runs"),
  MinkowskiDropout: needless("dropout does nothing when a trained network runs"),
  Identity: needless("a pipe without this step is the identity"),
  replace_feature: needless("an operation gives a new value on the same sites"),
  SparseConvTensor: needless("an `input` is a sparse tensor already"),
  SparseTensor: needless("an `input` is a sparse tensor already"),
};

const byName: ReadonlyMap<string, ForeignOperation> = new Map([
  ...[...surfaceOps.values()].flatMap((op) => op.foreign.map((name): [string, ForeignOperation] => [name, spelled(op.name)])),
  ...Object.entries(special),
]);

/** The answer to an operation name of another library. A module prefix has been refused by the parser (`spconv.X`). */
export function foreignOperation(name: string): ForeignOperation | undefined {
  return byName.get(name);
}

const arg = {
  spelled: (spelling: string): ForeignArgument => ({ kind: "spelled", spelling }),
  needless: (why: string): ForeignArgument => ({ kind: "needless", why }),
};

const inferred = "input channels follow from the value";
const training = "it matters only when training";
const rulebooks = "rulebooks are shared by how site sets were derived, so no key is needed";

const argumentsByName: Readonly<Record<string, ForeignArgument>> = {
  kernel_size: arg.spelled("k"),
  kernel: arg.spelled("k"),
  filter_size: arg.spelled("k"),
  pool_size: arg.spelled("k"),
  ksize: arg.spelled("k"),
  stride: arg.spelled("s"),
  strides: arg.spelled("s"),
  filter_stride: arg.spelled("s"),
  pool_stride: arg.spelled("s"),
  padding: arg.spelled("p"),
  pad: arg.spelled("p"),
  dilation: arg.spelled("d"),
  out_channels: arg.spelled("c"),
  out_features: arg.spelled("c"),
  channels: arg.spelled("c"),
  filters: arg.spelled("c"),
  nOut: arg.spelled("c"),
  negative_slope: arg.spelled("slope"),
  use_bias: arg.spelled("bias"),
  has_bias: arg.spelled("bias"),
  epsilon: arg.spelled("eps"),
  name: arg.spelled("w"),
  prefix: arg.spelled("w"),
  weight: arg.spelled("w"),
  in_channels: arg.needless(inferred),
  in_features: arg.needless(inferred),
  num_features: arg.needless(inferred),
  nIn: arg.needless(inferred),
  dimension: arg.needless("the number of axes follows from the sites"),
  indice_key: arg.needless(rulebooks),
  algo: arg.needless("the compiler chooses the algorithm"),
  large_kernel_fast_algo: arg.needless("the compiler chooses the algorithm"),
  momentum: arg.needless(training),
  track_running_stats: arg.needless(training),
  inplace: arg.needless("the compiler plans the memory"),
  tensor_stride: arg.needless("the stride is part of the site set"),
  expand_coordinates: arg.needless("`sites=reach` lets the sites grow"),
  subm: arg.needless("`sites=same` keeps the sites"),
  output_padding: arg.needless("the sites that `up` returns to are known; `deconv` has it"),
  kernel_generator: arg.spelled("shape"),
  region_type: arg.spelled("shape"),
  transposed: arg.needless("`up` is the transposed convolution onto known sites"),
  act_type: arg.needless("activations are steps of their own; the compiler fuses them"),
};

/** The answer to an argument name of another library. */
export function foreignArgument(operation: string, name: string): ForeignArgument | undefined {
  const own = surfaceOps.get(operation)?.foreignArguments;
  if (own !== undefined && Object.hasOwn(own, name)) return own[name];
  return Object.hasOwn(argumentsByName, name) ? argumentsByName[name] : undefined;
}
