/** The parts of the platform's WebAssembly that are needed here, so that no types of a platform are. */

/** A compiled module; workers take it as it is. */
export type WasmModule = object;

export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  grow(pages: number): number;
}

export type WasmExports = Readonly<Record<string, (...args: readonly number[]) => void>>;

interface WebAssemblyApi {
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule>;
  readonly Instance: new (module: WasmModule, imports: { readonly env: { readonly memory: WasmMemory; readonly wide: 0 | 1 } }) => { readonly exports: WasmExports };
  readonly Memory: new (limits: { readonly initial: number; readonly maximum: number; readonly shared: true }) => WasmMemory;
}

/** The platform's WebAssembly, undefined where there is none. */
export const webAssembly: WebAssemblyApi | undefined = (globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
