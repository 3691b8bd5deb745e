import type { GeometryStage } from "../../../runtime/geometry/index.ts";
import type { Kernel } from "../spec.ts";

/** The launches of geometry in order, and the kernels that they need. */
export class Stages {
  readonly kernels: Kernel[] = [];
  readonly list: GeometryStage[] = [];
  readonly #shared = new Map<string, string>();
  #late: { readonly late?: number } = {};

  /** From here on, stages belong to a pruned set. */
  beginLate(late: number): void {
    this.#late = { late };
  }

  /** A stage with a kernel of its own. */
  add(kind: GeometryStage["kind"], parts: readonly number[], kernel: (name: string) => Kernel): void {
    if (parts.length === 0) return;
    const made = kernel(`geometry_${kind}${this.list.some((s) => s.kind === kind) ? `_${this.list.length}` : ""}`);
    this.kernels.push(made);
    this.list.push({ kind, kernel: made.name, parts, ...this.#late });
  }

  /** A stage that has its kernel in common with all of the same `group`. */
  share(group: string, kind: GeometryStage["kind"], parts: readonly number[], kernel: (name: string) => Kernel): void {
    if (parts.length === 0) return;
    const key = `${kind} ${group}`;
    const known = this.#shared.get(key);
    if (known === undefined) {
      this.add(kind, parts, kernel);
      this.#shared.set(key, this.list.at(-1)!.kernel);
    } else {
      this.list.push({ kind, kernel: known, parts, ...this.#late });
    }
  }
}
