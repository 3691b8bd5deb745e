import { ARG, CHUNK_ROWS, CLEAR_CHUNK, FINITE_CHUNK } from "../../../runtime/cpu/fields.ts";
import type { Assembly } from "../assembly.ts";
import { f32x4, i32, v128, type Sexpr } from "../wat.ts";
import { UnitFunc } from "./frame.ts";

/** What the host asks for besides steps. */
export function addCopies(assembly: Assembly): void {
  addRowCopies(assembly);
  addFinite(assembly);
  addClear(assembly);
}

/** `clear(bytes, address)`: zeroes memory. */
function addClear(assembly: Assembly): void {
  const s = new UnitFunc("clear");
  const { f } = s;
  const [bytes, address] = [s.word("bytes", ARG.rows), s.word("address", ARG.first)];
  s.eachUnit(() => {
    const at = f.let("at", i32.mul(s.unit.get, CLEAR_CHUNK));
    f.add(["memory.fill", i32.add(address.get, at.get), ["i32.const", "0"], i32.minU(i32.sub(bytes.get, at.get), CLEAR_CHUNK)]);
  });
  assembly.add(f, ["zeroes memory"]);
}

/** `gather_rows(rows, source, order, target, bytes)`: target[i] = source[order[i]], or with `scatter_rows` target[order[i]] = source[i]. */
function addRowCopies(assembly: Assembly): void {
  for (const name of ["gather_rows", "scatter_rows"]) {
    const s = new UnitFunc(name);
    const { f } = s;
    const rows = s.word("rows", ARG.rows);
    const [source, order] = [s.word("source", ARG.first), s.word("order", ARG.first + 1)];
    const [target, bytes] = [s.word("target", ARG.first + 2), s.word("bytes", ARG.first + 3)];
    s.eachUnit(() => {
      const row = f.let("row", i32.mul(s.unit.get, CHUNK_ROWS));
      const end = f.let("end", i32.minU(i32.add(row.get, CHUNK_ROWS), rows.get));
      f.while(i32.ltU(row.get, end.get), () => {
        const other = f.let("other", i32.load(i32.add(order.get, i32.mul(row.get, 4))));
        const [from, to] = name === "gather_rows" ? [other, row] : [row, other];
        const at = f.let("from", i32.add(source.get, i32.mul(from.get, bytes.get)));
        const into = f.let("into", i32.add(target.get, i32.mul(to.get, bytes.get)));
        const copied = f.let("copied", 0);
        f.while(i32.ltU(i32.add(copied.get, 15), bytes.get), () => f.add(v128.store(i32.add(into.get, copied.get), v128.load(i32.add(at.get, copied.get))), copied.grow(16)));
        f.while(i32.ltU(copied.get, bytes.get), () => f.add(i32.store(i32.add(into.get, copied.get), i32.load(i32.add(at.get, copied.get))), copied.grow(4)));
        f.add(row.grow(1));
      });
    });
    assembly.add(f, [name === "gather_rows" ? "target[i] = source[order[i]]" : "target[order[i]] = source[i]"]);
  }
}

/** `check_finite(floats, address, result)`: result[0] becomes 1 when a float is infinite or no number. */
function addFinite(assembly: Assembly): void {
  const s = new UnitFunc("check_finite");
  const { f } = s;
  const floats = s.word("floats", ARG.rows);
  const [address, result] = [s.word("address", ARG.first), s.word("result", ARG.first + 1)];
  s.eachUnit(() => {
    const at = f.let("at", i32.add(address.get, i32.mul(s.unit.get, 4 * FINITE_CHUNK)));
    const last = i32.minU(i32.mul(i32.add(s.unit.get, 1), FINITE_CHUNK), floats.get);
    const end = f.let("end", i32.add(address.get, i32.mul(last, 4)));
    // 0 · x is 0 for every finite x and no number otherwise.
    const sum = f.let("sum", f32x4.const(0), "v128");
    const zero: Sexpr = f32x4.const(0);
    f.while(i32.ltU(i32.add(at.get, 15), end.get), () => f.add(sum.set(f32x4.add(sum.get, f32x4.mul(v128.load(at.get), zero))), at.grow(16)));
    f.while(i32.ltU(at.get, end.get), () => f.add(sum.set(f32x4.add(sum.get, f32x4.mul(["v128.load32_zero", at.get], zero))), at.grow(4)));
    f.if(["i32.eqz", ["i32x4.all_true", ["f32x4.eq", sum.get, sum.get]]], () => f.add(i32.store(result.get, 1)));
  });
  assembly.add(f, ["whether all floats are finite"]);
}
