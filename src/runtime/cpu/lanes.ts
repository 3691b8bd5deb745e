import { SpnetError } from "../errors.ts";

/** Which vectors the engine computes with: 128 bits as WebAssembly has them, or neighbours joined to 256. */
export type Lanes = "wide" | "plain";

interface NodeProcess {
  readonly arch?: string;
  readonly versions?: { readonly node?: string };
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: string): unknown;
}

const FLAG = "--experimental-wasm-revectorize";

/** Has V8 optimise a function in the call that turns out to be one too many, instead of on another thread meanwhile. */
const AT_ONCE = "--wasm-sync-tier-up";

const node = (globalThis as unknown as { readonly process?: NodeProcess }).process;

/** Whether this engine can join lanes: V8 of Node 24 and later, on x86-64. */
function canJoin(): boolean {
  return node?.arch === "x64" && Number.parseInt(node.versions?.node ?? "0", 10) >= 24;
}

/** The lanes that a caller asks for. SP0623. */
export function wantedLanes(lanes: unknown = "auto"): "auto" | Lanes {
  if (lanes !== "auto" && lanes !== "wide" && lanes !== "plain") throw new SpnetError("SP0623", `lanes must be "auto", "wide" or "plain", not ${typeof lanes === "string" ? JSON.stringify(lanes) : String(lanes)}`);
  return lanes;
}

/** What `chooseLanes` returns, without changing anything. */
export function expectedLanes(wanted: "auto" | Lanes): Lanes {
  if (wanted === "plain" || !canJoin()) return "plain";
  if (wanted === "wide") return "wide";
  return [...(node?.execArgv ?? []), node?.env?.["NODE_OPTIONS"] ?? ""].some((flag) => flag.includes(FLAG)) ? "wide" : "plain";
}

/**
 * Asks for lanes before a module is compiled; returns what the engine will do. `auto` changes nothing and only looks at
 * the flags that the process was started with; `wide` sets V8's flag, for the whole process.
 */
export function chooseLanes(wanted: "auto" | Lanes): Lanes {
  const lanes = expectedLanes(wanted);
  if (wanted === "wide" && lanes === "wide") setJoining(true);
  return lanes;
}

/** Switches the joining of lanes on or off for modules compiled from now on. */
export function setJoining(on: boolean): void {
  setFlag(FLAG, on);
}

/** Does `work`, in which code that runs often becomes optimised code without delay. */
export function optimisingAtOnce(work: () => void): void {
  const settable = canJoin();
  if (settable) setFlag(AT_ONCE, true);
  try {
    work();
  } finally {
    if (settable) setFlag(AT_ONCE, false);
  }
}

function setFlag(flag: string, on: boolean): void {
  const v8 = node?.getBuiltinModule?.("node:v8") as { setFlagsFromString(flag: string): void } | undefined;
  v8?.setFlagsFromString(on ? flag : flag.replace("--", "--no-"));
}
