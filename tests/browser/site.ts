import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import ts from "typescript";

const root = new URL("../../", import.meta.url);

/** What the sources import besides themselves, by the URLs of {@link Site}. */
export const IMPORT_MAP = `<script type="importmap">${JSON.stringify({ imports: { chevrotain: "/chevrotain.mjs", wabt: "/wabt.mjs", fflate: "/fflate.mjs" } })}</script>`;

/** Tells the server of scripts that do not load and promises nobody waits for; stands before a page's own scripts. */
export const WATCH = `<script>
  const fail = (e) => fetch("/report", { method: "POST", body: JSON.stringify({ error: String(e.reason?.stack ?? e.error?.stack ?? e.message ?? e.target?.src) }) });
  addEventListener("error", fail, true);
  addEventListener("unhandledrejection", fail);
</script>`;

const TYPES: Readonly<Record<string, string>> = { html: "text/html; charset=utf-8", js: "text/javascript", mjs: "text/javascript", ts: "text/javascript", json: "application/json" };

/** A server on this machine alone, for pages under test. */
export interface Site {
  readonly origin: string;
  /** Paths asked for, each with the path that asked. */
  readonly requests: readonly { readonly path: string; readonly from: string }[];
  /** The next report that a page posts to /report; fails when the page reports an error or asks for what is not there. */
  report<T>(): Promise<T>;
  close(): Promise<void>;
}

/** Headers that cut a page off from other origins, so that its memory may be shared with workers. */
export const ISOLATED: Readonly<Record<string, string>> = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Serves `files` by their paths, the TypeScript of this checkout with its types erased, and the packages that it imports as ES modules. */
export async function openSite(files: ReadonlyMap<string, string | Uint8Array>, headers: Readonly<Record<string, string>> = {}): Promise<Site> {
  const requests: { path: string; from: string }[] = [];
  let settle: { resolve: (value: unknown) => void; reject: (cause: Error) => void } | undefined;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "POST" && pathname === "/report") {
      collect(request, (text) => {
        response.end();
        const value = JSON.parse(text) as { readonly error?: string };
        if (value.error === undefined) settle?.resolve(value);
        else settle?.reject(new Error(`the page reports: ${value.error}`));
      });
      return;
    }
    const referer = request.headers.referer;
    requests.push({ path: pathname, from: referer === undefined ? "" : new URL(referer).pathname });
    const body = files.get(pathname) ?? fromCheckout(pathname);
    if (body === undefined) {
      response.writeHead(pathname === "/favicon.ico" ? 204 : 404).end();
      if (pathname !== "/favicon.ico") settle?.reject(new Error(`the page asks for ${pathname}, which is not there`));
      return;
    }
    const type = pathname === "/" ? TYPES["html"] : TYPES[pathname.split(".").at(-1)!];
    response.writeHead(200, { "content-type": type ?? "application/octet-stream", ...headers }).end(body);
  };

  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    report: <T>() =>
      new Promise<T>((resolve, reject) => {
        settle = { resolve: (value) => resolve(value as T), reject };
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function fromCheckout(path: string): string | undefined {
  if (path === "/chevrotain.mjs") return readFileSync(new URL("node_modules/chevrotain/lib/chevrotain.mjs", root), "utf8");
  if (path === "/fflate.mjs") return readFileSync(new URL("node_modules/fflate/esm/browser.js", root), "utf8");
  // A classic script that declares its factory; in Node it is CommonJS.
  if (path === "/wabt.mjs") return `${readFileSync(new URL("node_modules/wabt/index.js", root), "utf8")}\nexport default WabtModule;`;
  if (!/^\/(src|grammar|tests)\/.*\.ts$/.test(path)) return undefined;
  const file = new URL(`.${path}`, root);
  if (!existsSync(file)) return undefined;
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  return ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions, fileName: path }).outputText;
}

function collect(request: IncomingMessage, then: (text: string) => void): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => then(Buffer.concat(parts).toString("utf8")));
}
