import wabt from "wabt";

type Toolkit = ReturnType<typeof wabt>;

let started: Toolkit | undefined;

/** The toolkit, which is a WebAssembly module itself and made once; to be called early where there is something else to do first. */
export const assembler = (): Toolkit => (started ??= wabt());

/** WebAssembly text → binary. `names`: whether the binary keeps the names of functions, for stack traces. */
export async function assembleWat(text: string, names = false): Promise<Uint8Array<ArrayBuffer>> {
  const tools = await assembler();
  const module = tools.parseWat("network.wat", text, { simd: true, threads: true, bulk_memory: true, relaxed_simd: true, sat_float_to_int: true, sign_extension: true });
  try {
    return Uint8Array.from(module.toBinary({ write_debug_names: names }).buffer);
  } finally {
    module.destroy();
  }
}
