import type { Worker, WorkerOptions } from "node:worker_threads";

interface WorkerThreads {
  Worker: new (code: string, options: WorkerOptions) => Worker;
}

/** Workers that were started while this is on, and a way to let one die as soon as it has been given work. */
export interface WatchedWorkers {
  readonly started: readonly Worker[];
  /** Threads that run now. */
  readonly alive: number;
  /** The next worker that is sent a job is terminated at once. */
  killNext(): void;
  restore(): void;
}

/** Watches the workers that the CPU target starts in this process. */
export function watchWorkers(): WatchedWorkers {
  const threads = process.getBuiltinModule("node:worker_threads") as unknown as WorkerThreads;
  const Original = threads.Worker;
  const started: Worker[] = [];
  let alive = 0;
  let kill = false;
  threads.Worker = class extends Original {
    constructor(code: string, options: WorkerOptions) {
      super(code, options);
      started.push(this);
      alive++;
      this.once("exit", () => alive--);
    }

    override postMessage(message: unknown): void {
      super.postMessage(message);
      if (!kill || !(message as object).hasOwnProperty("job")) return;
      kill = false;
      void this.terminate();
    }
  };
  return {
    started,
    get alive() {
      return alive;
    },
    killNext: () => void (kill = true),
    restore: () => void (threads.Worker = Original),
  };
}
