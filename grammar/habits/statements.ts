/** Habits in the bodies of methods and functions: assignments, `return`, loops and blocks by indentation. */
import type { IToken } from "chevrotain";
import * as t from "../tokens.js";
import {
  at,
  begins,
  type Found,
  type Habit,
  hole,
  is,
  isWord,
  onLine,
  restOfLine,
  statement,
  symbol,
  touches,
  word,
} from "./place.js";

/** `c = x`, `c := x`, `const c = x`, `let c: vector = x`. */
const assignments: Habit = (place) => {
  const first = at(place);
  if (place.inside !== "body" || first === undefined || !begins(place) || !is(place, t.Identifier)) return undefined;
  if (isWord(place, ["let"]) && is(place, t.Identifier, 1) && is(place, t.Colon, 2)) {
    const end = restOfLine(place);
    const equals = Array.from({ length: end }, (_, k) => k).find((k) => is(place, t.Equals, k));
    const name = at(place, 1);
    if (equals === undefined || equals < 4 || name === undefined) return undefined;
    return {
      taken: equals,
      put: [first, name],
      what: "a `let` has no type",
      help: `write \`let ${name.image} = …\`; the type follows from the value`,
      marked: equals,
    };
  }
  const declared = isWord(place, ["const", "var", "auto"]) && is(place, t.Identifier, 1) && is(place, t.Equals, 2);
  const walrus = is(place, t.Colon, 1) && is(place, t.Equals, 2) && touches(place, 2);
  const name = at(place, declared ? 1 : 0);
  if (name === undefined || !(declared || walrus || is(place, t.Equals, 1))) return undefined;
  return {
    taken: declared ? 1 : walrus ? 2 : 1,
    put: declared ? [word("let", first)] : [word("let", first), name],
    what: `a value gets a name with \`let\``,
    help: `write \`let ${name.image} = …\`. A name has one value: give the next one another name, or change it in rounds with \`repeat\``,
  };
};

/** `let a, b = x`. */
const pairs: Habit = (place) => {
  if (place.inside !== "body" || !begins(place) || !isWord(place, ["let"]) || !is(place, t.Comma, 2)) return undefined;
  const end = restOfLine(place);
  const equals = Array.from({ length: end }, (_, k) => k).find((k) => is(place, t.Equals, k));
  const last = at(place, end - 1);
  if (equals === undefined || last === undefined) return undefined;
  const names = Array.from({ length: equals }, (_, k) => at(place, k)).filter(
    (_, k) => k > 0 && is(place, t.Identifier, k),
  );
  const put = names.flatMap((name) =>
    name === undefined ? [] : [symbol(t.Semicolon, last), word("let", last), name, symbol(t.Equals, last), hole(last)],
  );
  const what = "a `let` gives one value a name";
  return { taken: end, put: put.slice(1), what, help: "write a `let` for each of them", marked: end };
};

/** `c += 1`. */
const updates: Habit = (place) => {
  const [name, operator, equals] = [at(place), at(place, 1), at(place, 2)];
  if (place.inside !== "body" || !begins(place) || name === undefined || operator === undefined) return undefined;
  if (!is(place, t.Identifier) || !is(place, t.Operator, 1) || equals?.tokenType !== t.Equals || !touches(place, 2))
    return undefined;
  return {
    taken: 3,
    put: [word("let", name), name, equals, name, operator],
    what: "a name has one value, which does not change",
    help: `write \`let ${name.image}_new = ${name.image} ${operator.image} …\`, or change it in rounds: \`repeat 5 from ${name.image} = … { … }\``,
    marked: 3,
  };
};

const returns: Habit = (place) =>
  place.inside === "body" && begins(place) && isWord(place, ["return"]) && onLine(place, 1)
    ? {
        taken: 1,
        put: [],
        what: "a body has no `return`: its last line is its value",
        help: "remove the word",
      }
    : undefined;

const loop = "a loop is written `repeat 5 from u = x { … }`: each round gives the next value of `u`";
const dropped: Readonly<Record<string, Pick<Found, "help"> & { readonly what: string }>> = {
  for: {
    what: "a body has no `for`",
    help: `${loop}. A calculation over shots or queries needs none: \`mean(x over shot)\``,
  },
  while: { what: "a body has no `while`", help: `${loop}; \`until\` ends it early` },
  print: {
    what: "a method prints nothing",
    help: "a `report` line of an `evaluate` stage says what is printed and stored",
  },
  assert: { what: "a method has no `assert`", help: "the checker compares all axes and sizes; remove the line" },
  pass: { what: "a body has no `pass`", help: "write the value of the body" },
  class: {
    what: "FSL has no classes",
    help: "a method is a `metric`, a network is a `backbone`, and a calculation is a `fn`",
  },
  import: { what: "an import stands at the top of the file", help: 'write `import { … } from "…"` there' },
  with: { what: "a body has no `with`", help: "remove the line; `stop_gradient(x)` keeps gradients out of a value" },
};

const others: Habit = (place) => {
  const first = at(place)?.image ?? "";
  const found = Object.hasOwn(dropped, first) ? dropped[first] : undefined;
  if (place.inside !== "body" || !begins(place) || !is(place, t.Identifier) || found === undefined) return undefined;
  if (is(place, t.Dot, 1) || is(place, t.Equals, 1)) return undefined;
  return { taken: statement(place), put: [], ...found };
};

const ifHelp = "write `if a > 1 { … } else { … }`; both sides give a value";

/** `if a > 1:`, `else:`. */
const colons: Habit = (place) => {
  if (!["body", "layers"].includes(place.inside) || place.parens > 0 || !is(place, t.Colon)) return undefined;
  let k = 0;
  while (at(place, k - 1)?.startLine === at(place)?.startLine) k--;
  const first = at(place, k);
  if (first === undefined || !["if", "elif", "else"].includes(first.image) || k === 0) return undefined;
  const colon = at(place) as IToken;
  const what = first.image === "if" ? "a block stands in braces, not after `:`" : undefined;
  return { taken: 1, put: [symbol(t.LBrace, colon)], what, help: ifHelp, indent: first.startColumn ?? 1 };
};

const elif: Habit = (place) => {
  const first = at(place);
  if (!["body", "layers"].includes(place.inside) || first === undefined || !isWord(place, ["elif"])) return undefined;
  return { taken: 1, put: [word("else", first), word("if", first)], what: "`elif` is written `else if`", help: ifHelp };
};

export const statementHabits: readonly Habit[] = [assignments, pairs, updates, returns, others, colons, elif];
