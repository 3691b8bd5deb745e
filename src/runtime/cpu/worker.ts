/**
 * What a worker thread does, as text: it is given the module and its memory once, then lists of calls, and meets the
 * other threads after each. It runs in Node and in browsers, and needs no file of its own.
 */
export const WORKER = `
const port = typeof WorkerGlobalScope === "undefined" ? require("node:worker_threads").parentPort : self;
let exports, scratch, sync, threads;
const run = ({ job, calls, args, stride }) => {
  for (let i = 0; i < calls.length; i++) {
    exports[calls[i]](args + i * stride, scratch);
    exports.barrier(sync, threads);
  }
  port.postMessage({ job });
};
const receive = (message) => {
  if (message.module === undefined) return run(message);
  ({ scratch, sync, threads } = message);
  exports = new WebAssembly.Instance(message.module, { env: { memory: message.memory, wide: message.wide } }).exports;
  port.postMessage({ job: 0 });
};
if (port.on) port.on("message", receive);
else port.onmessage = (event) => receive(event.data);
`;
