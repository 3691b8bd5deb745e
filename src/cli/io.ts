/** Where a command writes: results to `out`, everything about them to `err`. Tests give their own. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` shows colours. */
  readonly color: boolean;
}

/** The process's own streams; colours on a terminal unless NO_COLOR is set. */
export function processIo(): Io {
  // A reader that has seen enough (`| head`) closes the pipe: that is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    color: process.stderr.isTTY === true && (process.env["NO_COLOR"] ?? "") === "",
  };
}
