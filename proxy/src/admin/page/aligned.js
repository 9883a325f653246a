// Two texts line by line, so that what differs stands side by side.

/** Longer texts are set side by side as they come. */
const LINES = 400;
/** Lines shown around one that differs. */
const AROUND = 2;

/**
 * JSON with one value a line; all else stays as it is. Numbers and strings stay
 * as they were written: read and written again, two that differ could be alike.
 */
function laidOut(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let deep = 0;
  let out = "";
  const line = () => `\n${"  ".repeat(deep)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{},:]|[^\s"[\]{},:]+/g)) {
    if (token === "{" || token === "[") {
      deep += 1;
      out += token + line();
    } else if (token === "}" || token === "]") {
      deep -= 1;
      out += line() + token;
    } else if (token === ",") {
      out += token + line();
    } else {
      out += token === ":" ? ": " : token.replace(/^([[{])\s+/, "$1");
    }
  }
  return out;
}

/**
 * Rows of `left` and `right`, null where a side has no such line, by a longest
 * common subsequence; of equal lines far from any difference only the number
 * is told. Beside a text that is null nothing differs: it is there, alone.
 */
export function aligned(left, right) {
  if (left === null || right === null) {
    const lines = laidOut(left ?? right ?? "").split("\n");
    return lines.map((line) => ({ left: line, right: line, differs: false }));
  }
  const a = laidOut(left).split("\n");
  const b = laidOut(right).split("\n");
  const rows = a.length > LINES || b.length > LINES ? beside(a, b) : paired(a, b);
  return folded(rows);
}

function beside(a, b) {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => row(a[i] ?? null, b[i] ?? null));
}

/** Whether a comma follows says nothing of a line. */
const alike = (a, b) => a?.replace(/,$/, "") === b?.replace(/,$/, "");
const row = (left, right) => ({ left, right, differs: !alike(left, right) });

function paired(a, b) {
  // common[i][j]: how many lines a[i..] and b[j..] have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i][j] = alike(a[i], b[j]) ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const rows = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && alike(a[i], b[j])) {
      rows.push(row(a[i], b[j]));
      i += 1;
      j += 1;
      continue;
    }
    // A run that only one side has, beside the run that only the other has.
    const [lefts, rights] = [[], []];
    while ((i < a.length || j < b.length) && !(i < a.length && j < b.length && alike(a[i], b[j]))) {
      if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) lefts.push(a[i++]);
      else rights.push(b[j++]);
    }
    rows.push(...beside(lefts, rights));
  }
  return rows;
}

function folded(rows) {
  const near = (i) => rows.slice(Math.max(0, i - AROUND), i + AROUND + 1).some((one) => one.differs);
  const out = [];
  let n = 0;
  const flush = () => {
    const text = `… ${n} equal ${n === 1 ? "line" : "lines"} …`;
    if (n > 0) out.push({ left: text, right: text, differs: false });
    n = 0;
  };
  rows.forEach((one, i) => {
    if (near(i)) {
      flush();
      out.push(one);
    } else {
      n += 1;
    }
  });
  flush();
  return out;
}
