/** An identifier that is legal in WGSL. Made by a {@link Namer} from file-given text, or by {@link name} from ours. */
export class Name {
  readonly #brand = "name";
  readonly text: string;

  /** @internal Use {@link name} or a {@link Namer}. */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return `${this.#brand} ${this.text}`;
  }
}

/** An identifier chosen by the code generator itself; anything else than a legal one is our mistake. */
export function name(text: string): Name {
  if (!legal(text)) throw new Error(`internal: ${JSON.stringify(text)} is not a WGSL identifier`);
  return new Name(text);
}

/** Whether `text` can stand as an identifier: ASCII, not `_`, no `__` prefix, not a keyword, reserved or built in. */
export function legal(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && text !== "_" && !text.startsWith("__") && !TAKEN.has(text);
}

/**
 * Turns any text into legal, distinct identifiers, stable under the order of asking for the same texts. Characters
 * outside [A-Za-z0-9_] become `_`; a name already given gets the next free numeric suffix.
 */
export class Namer {
  readonly #given = new Set<string>();

  constructor(taken: Iterable<string> = []) {
    for (const text of taken) this.#given.add(text);
  }

  name(wanted: string): Name {
    const base = sanitise(wanted);
    let text = base;
    for (let i = 1; this.#given.has(text); i++) text = `${base}_${i}`;
    this.#given.add(text);
    return name(text);
  }
}

function sanitise(wanted: string): string {
  let text = wanted.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^_+/, "").replace(/_{2,}/g, "_");
  if (text === "" || /^[0-9]/.test(text)) text = `x${text}`;
  return legal(text) ? text : `${text}_`;
}

// W3C WGSL, sections "Keyword Summary", "Reserved Words", "Predeclared Types and Type-Generators" and the built-in
// functions (these may be shadowed, which would break the code around).
const KEYWORDS = `alias break case const const_assert continue continuing default diagnostic discard else enable false fn
  for if let loop override requires return struct switch true var while`;
const RESERVED = `NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become binding_array
  cast catch class co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast
  consteval constexpr constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export
  extends extern external fallthrough filter final finally friend from fxgroup get goto groupshared highp impl implements
  import inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut mutable namespace
  new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of operator package
  packoffset partition pass patch pixelfragment precise precision premerge priv protected pub public readonly ref regardless
  register reinterpret_cast require resource restrict self set shared sizeof smooth snorm static static_assert static_cast
  std subroutine super target template this thread_local throw trait try type typedef typeid typename typeof union unless
  unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield`;
const PREDECLARED = `array atomic bool f16 f32 i32 mat2x2 mat2x2f mat2x2h mat2x3 mat2x3f mat2x3h mat2x4 mat2x4f mat2x4h mat3x2
  mat3x2f mat3x2h mat3x3 mat3x3f mat3x3h mat3x4 mat3x4f mat3x4h mat4x2 mat4x2f mat4x2h mat4x3 mat4x3f mat4x3h mat4x4 mat4x4f
  mat4x4h ptr sampler sampler_comparison texture_1d texture_2d texture_3d u32 vec2 vec2f vec2h vec2i vec2u vec3 vec3f vec3h
  vec3i vec3u vec4 vec4f vec4h vec4i vec4u read write read_write function private workgroup uniform storage
  bitcast all any select arrayLength abs acos acosh asin asinh atan atan2 atanh ceil clamp cos cosh countLeadingZeros
  countOneBits countTrailingZeros cross degrees determinant distance dot dot4U8Packed dot4I8Packed exp exp2 extractBits
  faceForward firstLeadingBit firstTrailingBit floor fma fract frexp insertBits inverseSqrt ldexp length log log2 max min mix
  modf normalize pow quantizeToF16 radians reflect refract reverseBits round saturate sign sin sinh smoothstep sqrt step tan
  tanh transpose trunc atomicLoad atomicStore atomicAdd atomicSub atomicMax atomicMin atomicAnd atomicOr atomicXor
  atomicExchange atomicCompareExchangeWeak pack4x8snorm pack2x16float unpack2x16float storageBarrier textureBarrier
  workgroupBarrier workgroupUniformLoad subgroupAdd subgroupBroadcast subgroupBallot`;
const TAKEN: ReadonlySet<string> = new Set(`${KEYWORDS} ${RESERVED} ${PREDECLARED}`.split(/\s+/));
