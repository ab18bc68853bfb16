/** Says in words what the parser expected at the place of a mistake. */
import type { IRecognitionException, TokenType } from "chevrotain";
import * as t from "./tokens.js";

/** Names the expected thing by the rule in which no alternative fits. */
const ofRule: Readonly<Record<string, string>> = {
  primary: "a value",
  operand: "a value",
  expression: "a value",
  values: "a value",
  type: "a type",
  layer: "a layer",
  layers: "`{`",
  dataset: "`=`, `(` or `{`",
  backbone: "`=` or `{`",
  equals: "`=`",
  clause: "an axis",
  sizedAxis: "an axis",
  rename: "an axis",
  pathPart: "the path of a weight",
  suffix: "`.`, `(` or `[`",
  validatePart: "a number of episodes, `every …` or `keep best`",
  forPart: "`… per step` or `drop last`",
};

export function expectation(error: IRecognitionException): string {
  const stack = error.context.ruleStack;
  const rule = stack[stack.length - 1] ?? "";
  const expected = expectedToken(error);
  if (expected) return describe(expected, rule);
  return ofRule[rule] ?? "";
}

/** Returns the name of the expected token, which `messages` puts into the parser's error. */
function expectedToken(error: IRecognitionException): string | undefined {
  const match = /^expected (\S+)$/.exec(error.message);
  return match?.[1];
}

function describe(name: string, rule: string): string {
  const word = name.startsWith("word_") ? name.slice("word_".length) : undefined;
  if (word !== undefined) return `\`${word}\``;
  if (name === t.Identifier.name) return ofRule[rule] === "an axis" ? "an axis" : "a name";
  if (name === t.NumberToken.name) return "a number";
  if (name === t.Text.name) return 'a text in `"…"`';
  return `\`${symbols[name] ?? name}\``;
}

const symbols: Readonly<Record<string, string>> = Object.fromEntries(
  t.vocabulary.flatMap((type) => (typeof type.PATTERN === "string" ? [[type.name, type.PATTERN]] : [])),
);

interface Mismatch {
  readonly expected: TokenType;
}
/** Replaces Chevrotain's messages by the name of the expected token. `expectation` puts that name into words. */
export const messages = {
  buildMismatchTokenMessage: ({ expected }: Mismatch): string => `expected ${expected.name}`,
  buildNotAllInputParsedMessage: (): string => "left over",
  buildNoViableAltMessage: (): string => "no alternative",
  buildEarlyExitMessage: (): string => "nothing",
};
