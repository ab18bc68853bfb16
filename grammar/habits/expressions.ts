/** Habits within expressions: functions without names, positions, conditional values and comprehensions. */
import type { IToken } from "chevrotain";
import * as t from "../tokens.js";
import { adviceForKey } from "./keys.js";
import {
  afterBracket,
  afterOperand,
  at,
  type Habit,
  hole,
  is,
  isWord,
  onLine,
  type Place,
  restOfArgument,
  restOfLine,
  symbol,
  touches,
} from "./place.js";

/** Returns the tokens that make the operand before the place a value that fits everywhere: nothing is known of a product by `@`. */
function unknownValue(place: Place): readonly IToken[] {
  const like = at(place);
  return like === undefined ? [] : [symbol(t.At, like), hole(like)];
}

const functionHelp = "declare it with a name, `fn near(a, b over f) { … }`, and pass the name";

/** `lambda x: …`. */
const lambdas: Habit = (place) => {
  const first = at(place);
  if (first === undefined || !isWord(place, ["lambda"])) return undefined;
  const end = restOfLine(place);
  const colon = Array.from({ length: end }, (_, k) => k).find((k) => is(place, t.Colon, k));
  if (colon === undefined) return undefined;
  const taken = restOfArgument(place, colon + 1);
  return { taken, put: [hole(first)], what: "a function has a name", help: functionHelp, marked: taken };
};

/** `(x, y) => …` and `x => …`. */
const arrows: Habit = (place) => {
  const first = at(place);
  const after = is(place, t.LParen) ? afterBracket(place, 0) : is(place, t.Identifier) ? 1 : undefined;
  if (first === undefined || after === undefined || !is(place, t.Equals, after) || !is(place, t.Greater, after + 1))
    return undefined;
  if (!touches(place, after + 1)) return undefined;
  const taken = restOfArgument(place, after + 2);
  return { taken, put: [hole(first)], what: "a function has a name", help: functionHelp, marked: taken };
};

/** Returns whether a bracket holds axes with sizes of their own: `learn A [slot: 8] = …`, `as [head: 4, d]`. */
function sizesAxes(place: Place, end: number): boolean {
  const named = Array.from({ length: end - 2 }, (_, k) => k + 1).every(
    (k) => !is(place, t.Colon, k) || is(place, t.Identifier, k - 1),
  );
  return named && (isWord(place, ["as"], -1) || is(place, t.Equals, end));
}

/** `x[:, 0]`, `x[-1]`, `x[0, 1]`, `x[...]`. */
const slices: Habit = (place) => {
  if (!is(place, t.LBracket) || !afterOperand(place)) return undefined;
  const end = afterBracket(place, 0);
  const parts = Array.from({ length: end - 2 }, (_, k) => k + 1);
  if (sizesAxes(place, end)) return undefined;
  const sliced = parts.some((k) => [t.Colon, t.Minus, t.Dot].some((type) => is(place, type, k)));
  const numbered = parts.length > 1 && parts.some((k) => is(place, t.NumberToken, k));
  if (!sliced && !numbered) return undefined;
  return {
    taken: end,
    put: unknownValue(place),
    what: "axes have names, and nothing is taken by its position",
    help: "name the axis: `pick(x, 0 over shot)`, `mean(x over shot)`, `top(3, x over way as best)`",
    marked: end,
  };
};

/** `birds["train"]`. */
const members: Habit = (place) => {
  const name = at(place, 1);
  if (!is(place, t.LBracket) || !afterOperand(place) || name?.tokenType !== t.Text || !is(place, t.RBracket, 2))
    return undefined;
  const written = name.image.slice(1, -1);
  const member = { ...name, image: written, tokenType: t.Identifier, tokenTypeIdx: t.Identifier.tokenTypeIdx ?? 0 };
  return {
    taken: 3,
    put: [symbol(t.Dot, name), /^[A-Za-z]\w*$/.test(written) ? member : hole(name)],
    what: "a member is written with a point",
    help: `write \`${at(place, -1)?.image ?? ""}.${written}\``,
    marked: 3,
  };
};

/** `= { n_way: 5, k_shot: 1 }`. */
const dictionaries: Habit = (place) => {
  const first = at(place);
  if (first === undefined || !is(place, t.LBrace) || !is(place, t.Equals, -1) || !is(place, t.Colon, 2))
    return undefined;
  const taken = afterBracket(place, 0);
  return {
    taken,
    put: [hole(first)],
    what: "FSL has no dictionaries",
    help: adviceForKey(at(place, 1)?.image.replaceAll(/["']/g, "") ?? ""),
    marked: 1,
  };
};

/** `[f(s) for s in x]`. */
const comprehensions: Habit = (place) => {
  const first = at(place);
  if (first === undefined || !is(place, t.LBracket) || afterOperand(place)) return undefined;
  const end = afterBracket(place, 0);
  const loop = Array.from({ length: end }, (_, k) => k).find(
    (k) => isWord(place, ["for"], k) && isWord(place, ["in"], k + 2),
  );
  if (loop === undefined) return undefined;
  return {
    taken: end,
    put: [hole(first)],
    what: "a list is not made by a loop",
    help: "functions work on whole axes: `mean(x over shot)` has one value for each way",
    marked: end,
  };
};

const conditional = "write `if a > b { x } else { y }`";

/** `a > b ? x : y`. */
const questions: Habit = (place) =>
  is(place, t.Question)
    ? {
        taken: restOfArgument(place, 0),
        put: unknownValue(place),
        what: "a value by condition is an `if`",
        help: conditional,
      }
    : undefined;

/** `x if a > b else y`. */
const conditions: Habit = (place) => {
  if (!isWord(place, ["if"]) || !afterOperand(place)) return undefined;
  const end = restOfArgument(place, 0);
  const braces = Array.from({ length: end }, (_, k) => k).some((k) => is(place, t.LBrace, k));
  if (braces || !Array.from({ length: end }, (_, k) => k).some((k) => isWord(place, ["else"], k))) return undefined;
  return { taken: end, put: [], what: "the condition of a value comes first", help: conditional, marked: end };
};

/** `mean(x over 1)` and `mean(x over "shot")`. */
const axes: Habit = (place) => {
  const first = at(place);
  if (first === undefined || place.parens === 0 || !isWord(place, ["over", "along"])) return undefined;
  if (!is(place, t.NumberToken, 1) && !is(place, t.Text, 1)) return undefined;
  const help = "write its name without quotation marks: `mean(x over shot)`";
  return { taken: 2, put: [first, hole(first)], what: "an axis is a name", help, marked: 2 };
};

/** `f"…"` and `r"…"`. */
const prefixes: Habit = (place) => {
  const first = at(place);
  if (first === undefined || !isWord(place, ["f", "r", "b", "rf"]) || !is(place, t.Text, 1) || !touches(place, 1))
    return undefined;
  const help =
    first.image === "f"
      ? "a text holds no values; write it whole, or make it a `param`"
      : "write `\\\\` for a backslash, or `/` in a path";
  return { taken: 1, put: [], what: "a text begins with its quotation mark", help, marked: 2 };
};

/** `x is y`, `x in y` and `x <> y`. */
const comparisons: Habit = (place) => {
  const first = at(place);
  if (first === undefined || !afterOperand(place) || !onLine(place, 1)) return undefined;
  if (is(place, t.Less) && is(place, t.Greater, 1) && touches(place, 1))
    return {
      taken: 2,
      put: [symbol(t.NotEquals, first)],
      what: "`<>` is written `!=`",
      help: "write `a != b`",
      marked: 2,
    };
  if (isWord(place, ["in"])) {
    const put = [symbol(t.EqualsEquals, first), hole(first)];
    const taken = is(place, t.LBracket, 1) || is(place, t.LParen, 1) ? afterBracket(place, 1) : 2;
    return { taken, put, what: "FSL has no `in`", help: "compare with each value: `a == 1 or a == 2`" };
  }
  if (!isWord(place, ["is"])) return undefined;
  const negated = isWord(place, ["not"], 1);
  const put = [symbol(negated ? t.NotEquals : t.EqualsEquals, first)];
  return { taken: negated ? 2 : 1, put, what: "values are compared with `==` and `!=`", help: "write `a == b`" };
};

export const expressionHabits: readonly Habit[] = [
  lambdas,
  arrows,
  slices,
  members,
  dictionaries,
  comprehensions,
  questions,
  conditions,
  axes,
  prefixes,
  comparisons,
];
