/**
 * Chevrotain as the one file that its package ships beside its modules: those, with lodash's, are 700 files, and opening
 * them would take longer than everything else that `fslc check` does.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const entry = pathToFileURL(createRequire(import.meta.url).resolve("chevrotain"));
const bundle: typeof import("chevrotain") = await import(new URL("../chevrotain.min.mjs", entry).href);

export const { createToken, CstParser, Lexer, LLkLookaheadStrategy, tokenMatcher } = bundle;

/** What a grammar is made of, once the parser has recorded its rules. */
export const gast = {
  Alternation: bundle.Alternation,
  NonTerminal: bundle.NonTerminal,
  Option: bundle.Option,
  Repetition: bundle.Repetition,
  RepetitionMandatory: bundle.RepetitionMandatory,
  RepetitionMandatoryWithSeparator: bundle.RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator: bundle.RepetitionWithSeparator,
  Terminal: bundle.Terminal,
} as const;
