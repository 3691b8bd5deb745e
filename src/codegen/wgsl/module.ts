import { int } from "./literal.ts";
import { Name, name, Namer } from "./namer.ts";
import { COUNTS, PARAMS, type Kernel, type KernelBinding } from "./spec.ts";
import { comment, render, wgsl, type Hole, type Wgsl } from "./template.ts";

/** Every WebGPU device allows this many storage buffers in one stage. */
export const MAX_STORAGE_BUFFERS = 8;

/** Groups of a dispatch beyond this number in x go to further rows in y. */
export const GROUPS_PER_ROW = 65535;

/** The storage buffers of one kernel, in binding order. A role asked for twice is one binding. */
export class Bindings {
  readonly #list: { readonly binding: KernelBinding; readonly variable: Name; readonly type: Wgsl }[] = [];
  readonly #namer: Namer;
  #halves = false;

  /** `reserved`: identifiers the kernel's own text uses at module scope or in functions. */
  constructor(reserved: Iterable<string> = []) {
    this.#namer = new Namer(reserved);
  }

  /** The variable by which the kernel reads or writes `role`, of store type `type` (`array<f32>`). */
  use(role: string, access: "read" | "read_write", type: Wgsl): Name {
    const known = this.#list.find((entry) => entry.binding.role === role);
    if (known !== undefined) {
      if (known.binding.access !== access || render(known.type) !== render(type)) {
        throw new Error(`internal: binding ${role} is wanted in two ways`);
      }
      return known.variable;
    }
    if (this.#list.length === MAX_STORAGE_BUFFERS) throw new Error(`internal: more than ${MAX_STORAGE_BUFFERS} storage buffers`);
    const variable = this.#namer.name(role);
    this.#list.push({ binding: { role, access }, variable, type });
    return variable;
  }

  /** Says that the kernel has float16. */
  useHalves(): void {
    this.#halves = true;
  }

  get halves(): boolean {
    return this.#halves;
  }

  /** Row counts of all site sets, u32. */
  counts(): Name {
    return this.use(COUNTS, "read", wgsl`array<u32>`);
  }

  /** The packed parameters as vec4: every offset and row in them is a multiple of 4 floats. */
  params(): Name {
    return this.use(PARAMS, "read", wgsl`array<vec4f>`);
  }

  get list(): readonly KernelBinding[] {
    return this.#list.map((entry) => entry.binding);
  }

  get declarations(): Wgsl {
    const lines = this.#list.map(({ binding, variable, type }, i) => {
      const access = binding.access === "read" ? wgsl`read` : wgsl`read_write`;
      return wgsl`@group(0) @binding(${int(i)}) var<storage, ${access}> ${variable}: ${type};`;
    });
    return wgsl`${lines}`;
  }
}

/** What {@link assemble} puts together. */
export interface KernelParts {
  readonly name: string;
  readonly header: readonly string[];
  readonly bindings: Bindings;
  /** Constants, workgroup variables and functions at module scope. */
  readonly declarations: Hole;
  readonly workgroupSize: number;
  /** The entry point's statements; `group` is the linear workgroup index, `lane` the invocation in it. */
  readonly body: Hole;
  readonly rowsPerGroup: number;
  readonly groupsPerTile?: number;
  /** As in {@link Kernel}; the body then has the launch's size as `launched`. */
  readonly halvedBelow?: number;
  readonly workgroupBytes: number;
  /** Whether neighbours read each other's values; the body then has `neighbour`, 0 to 3, the invocation's place among four. */
  readonly subgroups?: true;
}

/** The text of one kernel with its launch description. The dispatch is x = min(n, 65535), y = ceil(n / x). */
export function assemble(parts: KernelParts): Kernel {
  const code = wgsl`
    ${comment(parts.header)}
    ${parts.bindings.halves ? wgsl`enable f16;` : undefined}
    ${parts.subgroups === true ? [wgsl`enable subgroups;`, wgsl`diagnostic(off, subgroup_uniformity);`] : undefined}
    ${parts.bindings.declarations}

    ${parts.declarations}

    @compute @workgroup_size(${int(parts.workgroupSize)})
    fn ${name(parts.name)}(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32${parts.halvedBelow === undefined ? undefined : wgsl`, @builtin(num_workgroups) launched: vec3u`}${parts.subgroups === true ? wgsl`, @builtin(subgroup_invocation_id) in_subgroup: u32` : undefined}) {
      let group = wg.y * ${int(GROUPS_PER_ROW)}u + wg.x;
      ${parts.subgroups === true ? wgsl`let neighbour = in_subgroup & 3u;` : undefined}
      ${parts.body}
    }`;
  return {
    name: parts.name,
    code: render(code),
    bindings: parts.bindings.list,
    rowsPerGroup: parts.rowsPerGroup,
    groupsPerTile: parts.groupsPerTile ?? 1,
    ...(parts.halvedBelow === undefined ? {} : { halvedBelow: parts.halvedBelow }),
    workgroupBytes: parts.workgroupBytes,
    ...(parts.subgroups === true ? { subgroups: true as const } : {}),
  };
}
