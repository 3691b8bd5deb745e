import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "/dev";

/**
 * Whether a GPU may be here, without loading a driver: under Linux a GPU that can compute has a device file, NVIDIA's,
 * the kernel's render nodes or that of a Windows host. Other systems are taken to have one.
 */
export function mayHaveGpu(platform: NodeJS.Platform = process.platform, devices: string = FOLDER): boolean {
  if (platform !== "linux") return true;
  const dri = join(devices, "dri");
  return ["nvidia0", "dxg"].some((name) => existsSync(join(devices, name))) || (existsSync(dri) && readdirSync(dri).some((name) => name.startsWith("renderD")));
}
