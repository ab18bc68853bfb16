/**
 * Loads Chevrotain from the one bundled file that its package ships beside its modules. Those modules, with lodash's, are 700
 * files, and opening them would take longer than everything else that `fslc check` does.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const entry = pathToFileURL(createRequire(import.meta.url).resolve("chevrotain"));
const bundle: typeof import("chevrotain") = await import(new URL("../chevrotain.min.mjs", entry).href);

export const { createToken, CstParser, Lexer, LLkLookaheadStrategy, tokenMatcher } = bundle;

/** The classes of the grammar elements that Chevrotain makes when the parser records its rules. */
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
