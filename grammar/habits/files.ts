/** Habits between declarations: imports, definitions and settings as Python, JavaScript and YAML write them. */
import * as t from "../tokens.js";
import { adviceForKey } from "./keys.js";
import {
  afterBracket,
  at,
  begins,
  type Found,
  type Habit,
  hole,
  is,
  isWord,
  onLine,
  type Place,
  restOfLine,
  statement,
  symbol,
  word,
} from "./place.js";

const importHelp = 'name what you use in braces: `import { conv64, resnet12 } from "fsl:backbones"`';

/** `import * from "x"`, `import torch`, `import a from "x"`, `import { a } from fsl:x`, `from x import a`. */
const imports: Habit = (place) => {
  if (place.inside !== "file" || !begins(place)) return undefined;
  const taken = restOfLine(place);
  const line = Array.from({ length: taken }, (_, k) => at(place, k));
  // The `from` after the names of an import begins nothing.
  if (isWord(place, ["from"]) && !is(place, t.RBrace, -1)) {
    const split = line.findIndex((token) => token?.image === "import");
    if (split < 0) return undefined;
    const file = libraryFile(line.slice(1, split).map((token) => token?.image ?? ""));
    const names = line.slice(split + 1).map((token) => token?.image ?? "");
    const listed = names.some((name) => name === "*") ? "…" : names.join(" ").replaceAll(" ,", ",");
    return {
      taken,
      put: [],
      what: "an import begins with `import`",
      help: `write \`import { ${listed} } from ${file}\``,
      marked: taken,
    };
  }
  if (!isWord(place, ["import"]) || !onLine(place, 1)) return undefined;
  const fromAt = line.findIndex((token) => token?.image === "from");
  const named = fromAt > 0 && line[fromAt + 1]?.tokenType === t.Text;
  if (is(place, t.LBrace, 1)) {
    if (fromAt < 0 || named || line[fromAt + 1] === undefined) return undefined;
    const file = libraryFile(line.slice(fromAt + 1).map((token) => token?.image ?? ""));
    return { taken, put: [], what: "the file of an import is a text", help: `write \`from ${file}\``, marked: taken };
  }
  const file = named ? line[fromAt + 1]?.image : is(place, t.Text, 1) ? line[1]?.image : undefined;
  if (file !== undefined) {
    const names = line.slice(1, fromAt).map((token) => token?.image ?? "");
    const listed = named && names.every((name) => /^\w+$|^,$/.test(name)) ? names.join(" ").replaceAll(" ,", ",") : "…";
    const help =
      listed === "…"
        ? `name what you use: \`import { … } from ${file}\``
        : `write \`import { ${listed} } from ${file}\``;
    return { taken, put: [], what: "an import lists the names that it brings in, in braces", help, marked: taken };
  }
  return { taken, put: [], what: "FSL imports from its own files and library only", help: importHelp, marked: taken };
};

/** Returns a path as a text in an import: `fsl.metrics` is `"fsl:metrics"`. */
function libraryFile(words: readonly string[]): string {
  const path = words.join("");
  return path.startsWith('"') ? path : `"${path.replace(/^fsl\.(specs\.)?/, "fsl:")}"`;
}

/** `def f(x):`, with its lines further right, and `def f(x) { … }`. */
const functions: Habit = (place) => {
  if (!["file", "metric", "body"].includes(place.inside) || !begins(place)) return undefined;
  const first = at(place);
  const name = at(place, 1);
  if (first === undefined || name === undefined || !isWord(place, ["def", "function", "func"])) return undefined;
  if (!is(place, t.Identifier, 1)) return undefined;
  const what = `a function begins with \`fn\`, not with \`${first.image}\``;
  const help = `write \`fn ${name.image}(x) { … }\`; the last value of the body is its result`;
  const taken = statement(place);
  if (place.inside === "body") return { taken, put: [], what, help: `${help}, and it stands outside of other bodies` };
  const close = is(place, t.LParen, 2) ? afterBracket(place, 2) : 2;
  if (is(place, t.LBrace, close)) return { taken: 1, put: [word("fn", first)], what, help };
  const body = [symbol(t.LBrace, name), hole(name), symbol(t.RBrace, name)];
  return { taken, put: [word("fn", first), name, ...parameters(place, 2, close), ...body], what, help, marked: close };
};

/** Returns the names of parameters in parentheses, without types and defaults. */
function parameters(place: Place, open: number, close: number): NonNullable<ReturnType<typeof at>>[] {
  const names = Array.from({ length: Math.max(0, close - open) }, (_, k) => open + k).filter(
    (k) => is(place, t.Identifier, k) && (is(place, t.LParen, k - 1) || is(place, t.Comma, k - 1)),
  );
  const like = at(place, 1);
  if (like === undefined) return [];
  const listed = names.flatMap((k, n) => {
    const name = at(place, k);
    return name === undefined ? [] : n === 0 ? [name] : [symbol(t.Comma, name), name];
  });
  return [symbol(t.LParen, like), ...listed, symbol(t.RParen, like)];
}

const statements: Readonly<Record<string, Pick<Found, "help"> & { readonly what: string }>> = {
  class: {
    what: "FSL has no classes",
    help: "a method is a `metric`, a network is a `backbone`, and a calculation is a `fn`",
  },
  for: {
    what: "a file declares things and runs no loops",
    help: "for one row of results for each value, write `each [1 shot, 5 shot]` where an `evaluate` stage uses its episode",
  },
  while: {
    what: "a file declares things and runs no loops",
    help: "loops stand in methods: `repeat 5 from u = x { … }`",
  },
  if: { what: "a file declares things and decides nothing", help: "`if` stands in methods and backbones" },
  print: {
    what: "a file prints nothing",
    help: "a `report` line of an `evaluate` stage says what is printed and stored",
  },
};

const otherStatements: Habit = (place) => {
  const found = statements[at(place)?.image ?? ""];
  if (place.inside !== "file" || !begins(place) || !is(place, t.Identifier) || found === undefined) return undefined;
  return { taken: statement(place), put: [], ...found };
};

/** `lr = 0.1` and `let lr = 0.1`. */
const settings: Habit = (place) => {
  const first = at(place);
  if (place.inside !== "file" || first === undefined || !begins(place)) return undefined;
  const binds = isWord(place, ["let", "const", "var"]) && is(place, t.Identifier, 1) && is(place, t.Equals, 2);
  const name = at(place, binds ? 1 : 0);
  if (name === undefined || !(binds || (is(place, t.Identifier) && is(place, t.Equals, 1)))) return undefined;
  const put = binds ? [word("param", first)] : [word("param", first), name];
  const help = `write \`param ${name.image} = …\``;
  return { taken: 1, put, what: "a value of a file is declared with `param`", help };
};

/** `n_way: 5` and the lines after it, up to the next declaration. */
const yaml: Habit = (place) => {
  const isKey = (k: number): boolean => is(place, t.Identifier, k) && is(place, t.Colon, k + 1);
  if (place.inside !== "file" || !begins(place) || !isKey(0)) return undefined;
  const first = at(place)?.image ?? "";
  let taken = restOfLine(place);
  for (let next = at(place, taken); next !== undefined; next = at(place, taken)) {
    if (t.declarationWords.has(next.image) && next.startColumn === 1 && !isKey(taken)) break;
    const rest = restOfLine(place, taken);
    if (rest === taken) break;
    taken = rest;
  }
  return {
    taken,
    put: [],
    what: "a file consists of declarations, not of `key: value` lines",
    help: adviceForKey(first),
    marked: 2,
  };
};

/** `episode task = n_way: 5, shot = 1`. */
const counts: Habit = (place) => {
  const [name, sign, number] = [at(place), at(place, 1), at(place, 2)];
  const unit = /way|shot|query/.exec(name?.image ?? "")?.[0];
  if (place.inside !== "file" || unit === undefined || name === undefined || number === undefined) return undefined;
  if (!is(place, t.Identifier) || !(is(place, t.Colon, 1) || is(place, t.Equals, 1)) || !is(place, t.NumberToken, 2))
    return undefined;
  // `param shots = 1 shot` and `sweep shots = 1 shot, 5 shot` are the language itself.
  if (begins(place) || isWord(place, ["param", "sweep"], -1)) return undefined;
  return {
    taken: 3,
    put: [
      number,
      {
        ...name,
        image: unit,
        tokenType: t.Unit,
        tokenTypeIdx: t.Unit.tokenTypeIdx ?? 0,
        startLine: number.startLine ?? 1,
      },
    ],
    what: `a count is a number with its unit, without \`${sign?.image ?? ""}\``,
    help: "write `5 way, 1 shot, 15 query`",
    marked: 3,
  };
};

/** `episode task { 5 way, 1 shot }`. */
const episodesInBraces: Habit = (place) => {
  if (place.inside !== "file" || !isWord(place, ["episode"]) || !begins(place) || !is(place, t.Identifier, 1))
    return undefined;
  const open = is(place, t.LParen, 2) ? afterBracket(place, 2) : 2;
  const brace = at(place, open);
  if (brace === undefined || !is(place, t.LBrace, open)) return undefined;
  const taken = afterBracket(place, open);
  const inside = place.tokens.slice(place.i + open + 1, place.i + taken - 1).map((token) => token.image);
  const counts = inside.join(" ").replaceAll(" ,", ",");
  const listed = /^\d+ \w+(?:, \d+ \w+)*$/.test(counts) ? counts : "5 way, 1 shot, 15 query";
  return {
    taken,
    put: [...place.tokens.slice(place.i, place.i + open), symbol(t.Equals, brace), hole(brace)],
    what: "the counts of an episode follow `=`, without braces",
    help: `write \`episode ${at(place, 1)?.image ?? ""}${open > 2 ? "(…)" : ""} = ${listed}\``,
    marked: open + 1,
  };
};

const semicolons: Habit = (place) =>
  place.inside === "file" && is(place, t.Semicolon)
    ? { taken: 1, put: [], what: "a declaration ends without `;`", help: "remove it" }
    : undefined;

export const fileHabits: readonly Habit[] = [
  imports,
  functions,
  otherStatements,
  settings,
  counts,
  yaml,
  episodesInBraces,
  semicolons,
];
