/**
 * Matches names of tensors with the patterns of rules: `*` within a part of a name, `**` over parts, `{i}` for a part that may occur
 * again. The work is counted: a regular expression would take years for some patterns on some names, and both may come from
 * somebody else.
 */

type Token =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "star" | "stars" }
  | { readonly kind: "part"; readonly name: string };

/** The texts that a pattern matched. */
export interface NameMatch {
  /** The texts of the stars, in their order. */
  readonly stars: readonly string[];
  /** The texts of the parts in braces, by their names. */
  readonly parts: ReadonlyMap<string, string>;
}

/** The most comparisons for all names together, and the most tokens of a pattern, whose search is as deep as they are many. */
const mostSteps = 3_000_000;
const mostTokens = 200;

export class WeightPattern {
  private readonly tokens: readonly Token[];
  private steps = 0;

  constructor(text: string) {
    this.tokens = tokensOf(text);
  }

  /** True if the pattern has too many ways to match. Its further matches mean nothing. */
  get isTooHard(): boolean {
    return this.steps > mostSteps || this.tokens.length > mostTokens;
  }

  match(name: string): NameMatch | undefined {
    if (this.isTooHard) return undefined;
    const stars: string[] = [];
    const parts = new Map<string, string>();
    return this.matchFrom(0, name, 0, stars, parts) ? { stars, parts } : undefined;
  }

  /** Matches the tokens from number `t` on with the rest of a name, and keeps in `stars` and `parts` what they matched. */
  private matchFrom(t: number, name: string, at: number, stars: string[], parts: Map<string, string>): boolean {
    if (++this.steps > mostSteps) return false;
    const token = this.tokens[t];
    if (token === undefined) return at === name.length;
    const known = token.kind === "part" ? parts.get(token.name) : undefined;
    const text = token.kind === "text" ? token.text : known;
    if (text !== undefined) {
      return name.startsWith(text, at) && this.matchFrom(t + 1, name, at + text.length, stars, parts);
    }
    for (const end of endsOf(token.kind, name, at)) {
      const found = name.slice(at, end);
      if (token.kind === "part") parts.set(token.name, found);
      else stars.push(found);
      if (this.matchFrom(t + 1, name, end, stars, parts)) return true;
      if (token.kind === "part") parts.delete(token.name);
      else stars.pop();
      if (this.steps > mostSteps) return false;
    }
    return false;
  }
}

/** Iterates over the places where a wildcard may end: stars take as much as they can, a part in braces as little. */
function* endsOf(kind: Token["kind"], name: string, at: number): Generator<number> {
  const dot = name.indexOf(".", at);
  const limit = kind === "stars" || dot < 0 ? name.length : dot;
  if (kind === "part") for (let end = at + 1; end <= limit; end++) yield end;
  else for (let end = limit; end >= (kind === "star" ? at : at + 1); end--) yield end;
}

function tokensOf(text: string): Token[] {
  return (text.match(/\*\*|\*|\{\w+\}|[^*{]+|\{/g) ?? []).map((part): Token => {
    if (part === "**") return { kind: "stars" };
    if (part === "*") return { kind: "star" };
    const name = /^\{([A-Za-z]\w*)\}$/.exec(part)?.[1];
    return name === undefined ? { kind: "text", text: part } : { kind: "part", name };
  });
}
