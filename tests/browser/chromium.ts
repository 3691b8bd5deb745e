import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Debian's package `chromium` puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** Why no browser can be started here, in words for a skipped test; undefined when one can. */
export const noBrowser: string | undefined = existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is not here: apt-get install chromium`;

/** WebGPU on whatever adapter there is, its software one included; nothing that talks to the outside. */
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu-sandbox", "--enable-unsafe-webgpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check",
];

/**
 * Runs a command until it ends or standard input does, then kills the whole process group: a test process that is
 * itself killed closes the pipe, and leaves no browser behind.
 */
const GUARD = '("$@" </dev/null; echo "exit status $?" >&2; kill -KILL 0) & read -r _; kill -KILL 0';

/** Opens `url` in a browser with a profile of its own until `done` settles, then ends every process of that browser. */
export async function withPage<T>(url: string, done: Promise<T>, milliseconds: number): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), "spnet-browser-"));
  // The browser brings its own Vulkan driver; the one made up for Node's tests is of another version.
  const { VK_ICD_FILENAMES: _icd, VK_DRIVER_FILES: _driver, LD_LIBRARY_PATH: _libraries, ...inherited } = process.env;
  const env = { ...inherited, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile };
  const command = [CHROMIUM, ...FLAGS, `--user-data-dir=${profile}`, url];
  const browser = spawn("sh", ["-c", GUARD, "sh", ...command], { env, detached: true, stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  browser.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });
  const closed = new Promise<void>((resolve) => {
    browser.once("close", () => resolve());
  });
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_, reject) => {
    browser.once("error", reject);
    browser.once("close", () => reject(new Error(`the browser ended by itself: ${said}`)));
    timer = setTimeout(() => reject(new Error(`no report from the page within ${milliseconds / 1000} s: ${said}`)), milliseconds);
  });
  try {
    return await Promise.race([done, failed]);
  } finally {
    clearTimeout(timer);
    failed.catch(() => undefined);
    browser.stdin.end();
    await closed;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
