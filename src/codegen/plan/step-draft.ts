import type { Loc } from "../../ir/loc.ts";
import type { SiteId } from "../../ir/sites.ts";
import type { FeatureSpec, RowAccess } from "../wgsl/spec.ts";
import type { Place } from "./memory-draft.ts";

/** What a binding of a step refers to, before everything has a number. */
export type Reference =
  | { readonly kind: "buffer"; readonly index: number }
  | { readonly kind: "region"; readonly key: string }
  | { readonly kind: "block" };

type WithoutHead<T> = T extends unknown ? Omit<T, "name" | "header" | "rows"> : never;

/** A kernel's specification less its name, comment and row count, which the program adds. */
export type SpecBody = WithoutHead<FeatureSpec>;

export interface StepDraft {
  readonly spec: SpecBody;
  readonly rows: SiteId | "batch";
  readonly roles: ReadonlyMap<string, Reference>;
  readonly writes: readonly number[];
  readonly params: import("./params-draft.ts").ParamsDraft;
  readonly loc: Loc;
}

/** Names the bindings of one step. Two accesses to one buffer share a role: WebGPU refuses overlapping bindings. */
export class Roles {
  readonly map = new Map<string, Reference>();
  readonly writes = new Set<number>();
  readonly #byBuffer = new Map<number, string>();

  read(wanted: string, place: Place): RowAccess {
    return { role: this.#role(wanted, place.buffer), channels: place.channels, stride: place.stride, offset: place.offset };
  }

  write(wanted: string, place: Place): RowAccess {
    this.writes.add(place.buffer);
    return this.read(wanted, place);
  }

  region(wanted: string, key: string): string {
    for (const [role, ref] of this.map) if (ref.kind === "region" && ref.key === key) return role;
    this.map.set(wanted, { kind: "region", key });
    return wanted;
  }

  #role(wanted: string, buffer: number): string {
    const known = this.#byBuffer.get(buffer);
    if (known !== undefined) return known;
    this.#byBuffer.set(buffer, wanted);
    this.map.set(wanted, { kind: "buffer", index: buffer });
    return wanted;
  }
}
