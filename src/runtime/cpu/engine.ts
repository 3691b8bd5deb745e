import { SpnetError } from "../errors.ts";
import { ARG, ARG_WORDS } from "./fields.ts";
import { Heap } from "./heap.ts";
import type { Lanes } from "./lanes.ts";
import { Threads } from "./threads.ts";
import { webAssembly, type WasmExports, type WasmMemory, type WasmModule } from "./wasm.ts";

/** One call of an exported function: how many units threads share, and its words from `ARG.rows` on. */
export interface Call {
  readonly name: string;
  readonly units: number;
  readonly words: readonly number[];
}

export interface EngineOptions {
  readonly lanes: Lanes;
  /** Worker threads; 0 computes on the calling thread. */
  readonly threads: number;
  /** Bytes of scratch memory per thread. */
  readonly scratch: number;
  /** First free byte of memory. */
  readonly heap: number;
}

/** A WebAssembly module with its memory, and the threads that run its functions. One job runs at a time. */
export class Engine {
  readonly heap: Heap;
  readonly threads: number;
  readonly #module: WasmModule;
  readonly #wide: 0 | 1;
  readonly #exports: WasmExports;
  readonly #scratch: readonly number[];
  readonly #sync: number;
  #pool: Threads | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #args: { at: number; bytes: number } | undefined;
  #disposed = false;

  constructor(module: WasmModule, options: EngineOptions) {
    const memory = newMemory(Math.ceil((options.heap + 65536) / 65536));
    this.#module = module;
    this.#wide = options.lanes === "wide" ? 1 : 0;
    this.#exports = new webAssembly!.Instance(module, { env: { memory, wide: this.#wide } }).exports;
    this.heap = new Heap(memory, options.heap);
    this.threads = options.threads;
    this.#sync = this.heap.alloc(64, "barrier");
    this.#scratch = Array.from({ length: Math.max(1, options.threads) }, () => this.heap.alloc(options.scratch, "scratch memory"));
  }

  /** SP0621 after `dispose`. */
  check(): void {
    if (this.#disposed) throw new SpnetError("SP0621", "this network has been disposed");
  }

  /** Runs `work` when all work asked for earlier has ended: calls of one network never mix. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(() => {
      this.check();
      return work();
    });
    this.#queue = next.catch(() => undefined);
    return next;
  }

  /** Makes calls one after another, each by all threads. SP0614 when a thread dies or cannot be started: what ran is lost, the next run starts new ones. */
  async run(calls: readonly Call[]): Promise<void> {
    this.check();
    const stride = 4 * ARG_WORDS;
    const args = this.#arguments(calls.length * stride);
    const words = this.heap.i32(args, calls.length * ARG_WORDS);
    calls.forEach(({ units, words: given }, i) => {
      const at = i * ARG_WORDS;
      words[at + ARG.next] = 0;
      words[at + ARG.units] = units;
      given.forEach((word, k) => (words[at + ARG.rows + k] = word));
    });
    const names = calls.map((c) => c.name);
    if (this.threads === 0) {
      names.forEach((name, i) => this.#exports[name]!(args + i * stride, this.#scratch[0]!));
      return;
    }
    const pool = await this.#started();
    await this.#living(pool, pool.run({ calls: names, args, stride }), (why) => `a thread of the CPU target ended: ${why}; what it ran is lost, the next run starts new threads`);
    this.check();
  }

  /** Calls one function on the calling thread, with its own arguments. */
  call(name: string, ...args: readonly number[]): void {
    this.#exports[name]!(...args);
  }

  /** Starts the threads, if they are not running. SP0614. */
  async warm(): Promise<void> {
    if (this.threads > 0) await this.#started();
  }

  dispose(): void {
    this.#disposed = true;
    this.#pool?.end();
  }

  async #started(): Promise<Threads> {
    if (this.#pool?.failed === false) return this.#pool;
    if (this.#pool !== undefined) {
      // One died between two runs.
      await this.#pool.gone;
      this.check();
    }
    const pool = new Threads({ module: this.#module, memory: this.heap.memory, wide: this.#wide, sync: this.#sync, scratch: this.#scratch });
    this.#pool = pool;
    await this.#living(pool, pool.start(), (why) => `a thread of the CPU target could not be started: ${why}; with \`threads: 0\` the calling thread computes`);
    return pool;
  }

  /** Waits for `work` of the threads. SP0614 with `say` when one dies, SP0621 when they were ended, once none touches the memory any more. */
  async #living(pool: Threads, work: Promise<void>, say: (why: string) => string): Promise<void> {
    try {
      await work;
    } catch (cause) {
      // Those that are left may still write into memory that is given away next.
      await pool.gone;
      this.check();
      throw new SpnetError("SP0614", say(cause instanceof Error ? cause.message : String(cause)));
    }
  }

  #arguments(bytes: number): number {
    if (this.#args === undefined || this.#args.bytes < bytes) {
      if (this.#args !== undefined) this.heap.free(this.#args.at);
      this.#args = undefined;
      this.#args = { at: this.heap.alloc(bytes, "arguments"), bytes };
    }
    return this.#args.at;
  }
}

/** Shared memory that may grow to 4 GiB, or to the most that the platform reserves. */
function newMemory(initial: number): WasmMemory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return new webAssembly!.Memory({ initial, maximum, shared: true });
    } catch (cause) {
      if (maximum / 2 < initial) throw new SpnetError("SP0613", `this platform gives no shared WebAssembly memory: ${String(cause)}`);
    }
  }
}
