import type { Worker, WorkerOptions } from "node:worker_threads";

interface WorkerThreads {
  Worker: new (code: string, options: WorkerOptions) => Worker;
}

/** Workers that were started while this is on, and ways to let one fail. */
export interface WatchedWorkers {
  readonly started: readonly Worker[];
  /** Threads that run now. */
  readonly alive: number;
  /** The most that ran at once since there was none. */
  readonly most: number;
  /** The next worker that is sent a job is terminated at once. */
  killNext(): void;
  /** The next worker that is sent a job finds something in it that it cannot do. */
  spoilNext(): void;
  /** No worker can be started any more once so many more are there. */
  refuseAfter(count: number): void;
  restore(): void;
}

/** Watches the workers that the CPU target starts in this process. */
export function watchWorkers(): WatchedWorkers {
  const threads = process.getBuiltinModule("node:worker_threads") as unknown as WorkerThreads;
  const Original = threads.Worker;
  const started: Worker[] = [];
  let alive = 0;
  let most = 0;
  let next: "kill" | "spoil" | undefined;
  let room = Infinity;
  threads.Worker = class extends Original {
    constructor(code: string, options: WorkerOptions) {
      if (room-- <= 0) throw new Error("no more workers");
      super(code, options);
      started.push(this);
      most = alive === 0 ? 1 : Math.max(most, alive + 1);
      alive++;
      this.once("exit", () => alive--);
    }

    override postMessage(message: unknown): void {
      const act = "job" in (message as object) ? next : undefined;
      if (act !== undefined) next = undefined;
      super.postMessage(act === "spoil" ? { ...(message as object), calls: ["nothing"] } : message);
      if (act === "kill") void this.terminate();
    }
  };
  return {
    started,
    get alive() {
      return alive;
    },
    get most() {
      return most;
    },
    killNext: () => void (next = "kill"),
    spoilNext: () => void (next = "spoil"),
    refuseAfter: (count) => void (room = count),
    restore: () => void (threads.Worker = Original),
  };
}
