/**
 * Loads Chevrotain from the one bundled file that its package ships beside its modules. Those modules, with lodash's, are 700
 * files, and opening them would take longer than everything else that `fslc check` does. The file is required and not imported, because
 * a module that awaits an import at its top level cannot be required, and neither can any module that needs it: `require("fslc")`.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const file = join(dirname(require.resolve("chevrotain")), "../chevrotain.min.mjs");
const bundle = require(file) as typeof import("chevrotain");

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
