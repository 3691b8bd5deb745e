import type { WasmMemory, WasmModule } from "./wasm.ts";
import { WORKER } from "./worker.ts";

/** What both Node's and a browser's workers can do, as far as it is needed here. */
interface AnyWorker {
  postMessage(message: unknown): void;
  /** In Node a promise that resolves when the thread has ended. */
  terminate(): unknown;
  on?(event: "message" | "error" | "exit", handler: (value: unknown) => void): void;
  onmessage?: ((event: { readonly data: unknown }) => void) | null;
  onerror?: ((event: { readonly message?: string }) => void) | null;
  ref?(): void;
  unref?(): void;
}

interface Platform {
  readonly Worker?: new (url: string) => AnyWorker;
  readonly Blob?: new (parts: readonly string[], options: { readonly type: string }) => unknown;
  readonly URL?: { createObjectURL(blob: unknown): string; revokeObjectURL(url: string): void };
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

const platform = globalThis as unknown as Platform;

const nodeThreads = (): { readonly Worker: new (code: string, options: { readonly eval: true }) => AnyWorker } | undefined =>
  platform.process?.getBuiltinModule?.("node:worker_threads") as ReturnType<typeof nodeThreads>;

/** Threads that can share memory here: none without SharedArrayBuffer and workers, else as many as there are processors. */
export function availableThreads(): number {
  const shared = nodeThreads() !== undefined || (platform.Worker !== undefined && platform.crossOriginIsolated === true);
  if (!shared) return 0;
  const os = platform.process?.getBuiltinModule?.("node:os") as { availableParallelism?(): number } | undefined;
  return os?.availableParallelism?.() ?? platform.navigator?.hardwareConcurrency ?? 1;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function startWorker(): AnyWorker {
  const node = nodeThreads();
  if (node !== undefined) return new node.Worker(WORKER, { eval: true });
  const url = platform.URL!.createObjectURL(new platform.Blob!([WORKER], { type: "text/javascript" }));
  try {
    return new platform.Worker!(url);
  } finally {
    platform.URL!.revokeObjectURL(url);
  }
}

/** A list of calls that all threads make one after another. */
export interface Job {
  readonly calls: readonly string[];
  /** Address of the first call's arguments, and bytes from one call's to the next. */
  readonly args: number;
  readonly stride: number;
}

export interface ThreadSetup {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  /** 1 when lanes are joined. */
  readonly wide: 0 | 1;
  /** Address of the barrier's two words. */
  readonly sync: number;
  /** Address of each thread's scratch memory. */
  readonly scratch: readonly number[];
}

/** Worker threads on one module and memory. They sleep between jobs and never keep a process alive by themselves. */
export class Threads {
  readonly #workers: AnyWorker[] = [];
  #job = 0;
  #waiting = 0;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;
  #gone: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(setup: ThreadSetup) {
    const { module, memory, wide, sync, scratch } = setup;
    new Int32Array(memory.buffer, sync, 2).fill(0);
    try {
      for (const at of scratch) this.#add().postMessage({ module, memory, wide, sync, scratch: at, threads: scratch.length });
    } catch (cause) {
      this.#fail(words(cause));
    }
  }

  /** Starts a thread; a platform may refuse to. */
  #add(): AnyWorker {
    const worker = startWorker();
    this.#workers.push(worker);
    const receive = (data: unknown): void => this.#receive((data as { readonly job: number }).job);
    if (worker.on !== undefined) {
      worker.on("message", receive);
      worker.on("error", (error) => this.#fail(words(error)));
      worker.on("exit", (code) => this.#fail(`it exited with ${String(code)}`));
    } else {
      worker.onmessage = (event) => receive(event.data);
      worker.onerror = (event) => this.#fail(event.message ?? "its code was not loaded");
    }
    worker.unref?.();
    return worker;
  }

  /** Resolves when all threads have instantiated the module; rejects when one could not be started. */
  start(): Promise<void> {
    return this.#wait(() => undefined);
  }

  /** Resolves when all threads have made all calls; rejects when a thread dies. */
  run(job: Job): Promise<void> {
    const { calls, args, stride } = job;
    this.#job++;
    return this.#wait(() => {
      for (const worker of this.#workers) worker.postMessage({ job: this.#job, calls, args, stride });
    });
  }

  /** Whether a thread died or was never there: no job can run any more. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when no thread touches the memory any more, once one has died or `end` was called. */
  get gone(): Promise<unknown> {
    return this.#gone;
  }

  /** Ends all threads; a job under way is rejected. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#terminate();
    this.#reject(new Error("the threads were ended"));
  }

  #terminate(): void {
    this.#gone = Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #wait(begin: () => void): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise<void>((resolve, reject) => {
      this.#waiting = this.#workers.length;
      this.#settle = { resolve, reject };
      for (const worker of this.#workers) worker.ref?.();
      begin();
    });
  }

  #receive(job: number): void {
    if (job !== this.#job || this.#settle === undefined || --this.#waiting > 0) return;
    const { resolve } = this.#settle;
    this.#settle = undefined;
    for (const worker of this.#workers) worker.unref?.();
    resolve();
  }

  #fail(what: string): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#failure = new Error(what);
    // The others may wait for it for ever, or still compute.
    this.#terminate();
    this.#reject(this.#failure);
  }

  #reject(error: Error): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.reject(error);
  }
}
