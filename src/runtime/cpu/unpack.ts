import { SpnetError } from "../errors.ts";

/** The parts of the platform that are needed here, so that no types of a platform are. */
interface Unpacking {
  atob(text: string): string;
  readonly Blob: new (parts: readonly Uint8Array[]) => { stream(): { pipeThrough(through: object): object } };
  readonly DecompressionStream?: new (format: "deflate") => object;
  readonly Response: new (body: object) => { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Bytes of a text that is base64 of a zlib stream. SP0605 where the platform cannot decompress. */
export async function unpack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const { atob, Blob, DecompressionStream, Response } = globalThis as unknown as Unpacking;
  if (DecompressionStream === undefined) throw new SpnetError("SP0605", "this platform has no DecompressionStream, with which the network's code is unpacked");
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const bytes = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")));
  return new Uint8Array(await bytes.arrayBuffer());
}
