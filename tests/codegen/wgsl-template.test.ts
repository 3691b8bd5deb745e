import { describe, expect, test } from "vitest";
import { f32, i32, int, u32 } from "../../src/codegen/wgsl/literal.ts";
import { legal, name, Namer } from "../../src/codegen/wgsl/namer.ts";
import { comment, join, render, repeat, wgsl } from "../../src/codegen/wgsl/template.ts";

describe("literals", () => {
  test.each([
    [0, "0.0f"], [-0, "(-0.0f)"], [1, "1.0f"], [-1.5, "(-1.5f)"], [0.1, "0.1f"], [1e-5, "0.00001f"], [1e-7, "1e-7f"],
    [16777217, "16777216.0f"], [3.4028234663852886e38, "3.4028235e38f"], [1e-45, "1e-45f"], [1 / 3, "0.33333334f"],
  ])("f32 %d", (x, text) => expect(f32(x).text).toBe(text));

  test("every f32 text reads back as the same f32", () => {
    let bits = 12345;
    const words = new Uint32Array(1);
    const floats = new Float32Array(words.buffer);
    for (let i = 0; i < 2000; i++) {
      bits = (Math.imul(bits, 1664525) + 1013904223) >>> 0;
      words[0] = bits;
      const value = floats[0] ?? 0;
      if (!Number.isFinite(value)) continue;
      expect(Math.fround(Number(f32(value).text.replace(/[()f]/g, "")))).toBe(value);
    }
  });

  test.each([NaN, Infinity, -Infinity, 1e39])("f32 refuses %d", (x) => expect(() => f32(x)).toThrow("internal"));
  test("integers", () => {
    expect(u32(0xffffffff).text).toBe("4294967295u");
    expect(i32(-5).text).toBe("(-5i)");
    expect(i32(-2147483648).text).toBe("i32(-2147483648)");
    expect(int(7).text).toBe("7");
    for (const bad of [-1, 1.5, 2 ** 32, -0, NaN]) expect(() => u32(bad)).toThrow("internal");
    for (const bad of [2 ** 31, -(2 ** 31) - 1, 0.5, -0]) expect(() => i32(bad)).toThrow("internal");
    expect(() => int(-1)).toThrow("internal");
  });
});

describe("names", () => {
  test("file-given text becomes a legal, distinct identifier", () => {
    const namer = new Namer(["x"]);
    expect(namer.name("encoder.conv1/weight").text).toBe("encoder_conv1_weight");
    expect(namer.name("encoder conv1 weight").text).toBe("encoder_conv1_weight_1");
    expect(namer.name("3d").text).toBe("x3d");
    expect(namer.name("x").text).toBe("x_1");
    expect(namer.name("__half").text).toBe("half");
    expect(namer.name("loop").text).toBe("loop_");
    expect(namer.name("target").text).toBe("target_");
    expect(namer.name("größe").text).toBe("gr_e");
    expect(namer.name("a;} fn main() {").text).toBe("a_fn_main_");
    expect(namer.name("").text).toBe("x_2");
  });
  test("our own names are checked", () => {
    expect(name("acc0").text).toBe("acc0");
    for (const bad of ["_", "__a", "fn", "self", "a b", "vec4f", "é", "max"]) {
      expect(legal(bad)).toBe(false);
      expect(() => name(bad)).toThrow("internal");
    }
  });
});

describe("templates", () => {
  test("dedents, re-indents blocks and drops lines whose holes are empty", () => {
    const inner = wgsl`
      if (a) {
        b();
      }`;
    const text = wgsl`
      fn f() {
        ${undefined}
        ${inner}
        ${[]}
        let n = ${u32(3)} + ${name("k")};
        ${repeat(2, (i) => wgsl`acc${int(i)} += 1.0;`)}
      }
    `;
    expect(render(text)).toBe(
      "fn f() {\n  if (a) {\n    b();\n  }\n  let n = 3u + k;\n  acc0 += 1.0;\n  acc1 += 1.0;\n}\n",
    );
  });
  test("a line with more than holes stays", () => {
    expect(wgsl`f(${undefined});`.lines).toEqual(["f();"]);
    expect(wgsl`f(${join([name("a"), u32(1)], ", ")});`.lines).toEqual(["f(a, 1u);"]);
    expect(() => wgsl`f(${[name("a")]});`).toThrow("internal");
  });
  test("a raw string is a type error", () => {
    // @ts-expect-error a string is no hole
    const bad = (): unknown => wgsl`${"discard;"}`;
    expect(bad).toThrow();
  });
  test("comments cannot be left", () => {
    const text = render(comment(["a\nfn evil() {}", "b\u2028c\u0085d\re", "/* x */", "\u202edcba"]));
    expect(text.split(/[\n\v\f\r\u0085\u2028\u2029]/).filter((l) => l !== "" && !l.startsWith("//"))).toEqual([]);
    expect(text).not.toContain("*/");
    expect(text).not.toContain("/*");
    expect(text).not.toContain("\u202e");
  });
});
