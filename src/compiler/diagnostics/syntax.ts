/** Turns the parser's issues into diagnostics with codes. */
import type { IssueKind, SyntaxIssue } from "../../../grammar/issue.js";
import { declarationWords } from "../../../grammar/tokens.js";
import { didYouMean } from "../../common/did-you-mean.js";
import { type Diagnostic, diagnostic } from "./diagnostic.js";

const stageWords = [
  "data",
  "encoder",
  "head",
  "metric",
  "of",
  "episodes",
  "optimizer",
  "schedule",
  "for",
  "validate",
  "loss",
  "report",
  "fit",
];

export function syntaxDiagnostics(issues: readonly SyntaxIssue[]): Diagnostic[] {
  return issues.map((issue) => make[issue.kind](issue));
}

const make: Readonly<Record<IssueKind, (issue: SyntaxIssue) => Diagnostic>> = {
  unexpected: ({ span, found, expected }) => {
    const here = found === "" ? "the text ends here" : `\`${found}\` does not fit here`;
    const what = expected === "" ? here : `${expected} is expected ${found === "" ? "here" : `before \`${found}\``}`;
    return diagnostic("FSL1001", span, { what });
  },
  unclosed: ({ span, found, other }) =>
    diagnostic("FSL1002", span, { opener: found }, { labels: other !== undefined ? [other] : [] }),
  "stray-closer": ({ span, found, other }) =>
    diagnostic("FSL1003", span, { closer: found }, { labels: other !== undefined ? [other] : [] }),
  "unterminated-text": ({ span }) => diagnostic("FSL1004", span, {}),
  "unknown-escape": ({ span, found }) =>
    diagnostic(
      "FSL1025",
      span,
      { escape: found },
      { help: [`write \`\\${found}\` for a backslash, or \`/\` in a path, on Windows too`] },
    ),
  "unknown-character": ({ span, found }) => diagnostic("FSL1005", span, { character: character(found) }),
  "look-alike": ({ span, found, expected }) =>
    diagnostic("FSL1006", span, { character: character(found), ascii: expected }),
  "foreign-name": ({ span, found }) => diagnostic("FSL1007", span, { name: found }),
  "hash-comment": ({ span }) => diagnostic("FSL1008", span, {}),
  "double-star": ({ span }) => diagnostic("FSL1009", span, {}),
  "colon-for-equals": ({ span }) => diagnostic("FSL1010", span, {}),
  "equals-for-colon": ({ span }) => diagnostic("FSL1011", span, {}),
  "missing-comma": ({ span }) => diagnostic("FSL1012", span, {}),
  "conflict-marker": ({ span }) => diagnostic("FSL1013", span, {}),
  "numbered-axis": ({ span }) => diagnostic("FSL1014", span, {}),
  "idle-rename": ({ span, found, expected }) =>
    diagnostic("FSL1015", span, { axis: found }, { help: [`${expected} gives \`${found}\` another name`] }),
  "no-value": ({ span }) => diagnostic("FSL1016", span, {}),
  "second-value": ({ span }) => diagnostic("FSL1017", span, {}),
  "not-a-declaration": ({ span, found }) =>
    diagnostic("FSL1018", span, { found }, { help: suggestion(found, [...declarationWords]) }),
  "foreign-operator": ({ span, found, expected }) => diagnostic("FSL1019", span, { found, expected }),
  "single-quotes": ({ span, expected }) => diagnostic("FSL1020", span, {}, { help: [`write ${expected}`] }),
  "number-form": ({ span, expected }) => diagnostic("FSL1021", span, { expected }),
  "unknown-line": ({ span, found }) =>
    diagnostic(
      "FSL1022",
      span,
      { found },
      { help: units.has(found) ? [ofUnit(found)] : suggestion(found, stageWords) },
    ),
  "foreign-form": ({ span, found, expected }) => diagnostic("FSL1024", span, { what: found }, { help: [expected] }),
  "too-deep": ({ span }) => diagnostic("FSL1023", span, {}),
};

const units: ReadonlySet<string> = new Set(["epoch", "epochs", "step", "steps", "episode", "image", "images"]);
const ofUnit = (unit: string): string =>
  `give the parameter the unit: \`param n = 5 ${unit}\`, and write \`n\` in place of \`n ${unit}\``;

function suggestion(found: string, words: readonly string[]): string[] {
  const near = didYouMean(found, words);
  return near === undefined ? [] : [`did you mean \`${near}\`?`];
}

/** Shows a character with its code point: `` `−` (U+2212) ``. */
function character(found: string): string {
  const point = (found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const first = String.fromCodePoint(found.codePointAt(0) ?? 0);
  // Control characters and half pairs would disturb the terminal.
  return /[\p{C}\s]/u.test(first) ? `the character U+${point}` : `\`${first}\` (U+${point})`;
}
