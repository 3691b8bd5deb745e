/** Bytes of a base64 text, by the platform's `atob`. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = (globalThis as unknown as { atob(text: string): string }).atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
