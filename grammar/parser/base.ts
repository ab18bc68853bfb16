/** What all rules of the grammar share: looking ahead, the depth of brackets, and skipping what fits nowhere. */
import type { CstNode, IToken, ParserMethod, TokenType } from "chevrotain";
import { CstParser, tokenMatcher } from "../chevrotain.js";
import { messages } from "../expectation.js";
import { FirstToken } from "../lookahead.js";
import * as t from "../tokens.js";

const w = t.words;

export interface ParserOptions {
  /** Whether to go on after a mistake. */
  readonly recoveryEnabled: boolean;
  readonly skipValidations: boolean;
}
export type Rule = ParserMethod<[], CstNode>;

/**
 * The rules of FSL are one grammar in layers of one class, each in a file of its own. A rule that a layer calls and a
 * later one defines is abstract in it. The last layer analyses the whole once all rules are there.
 */
export abstract class BaseParser extends CstParser {
  constructor(options: ParserOptions) {
    super(t.vocabulary, {
      nodeLocationTracking: "full",
      maxLookahead: 1,
      lookaheadStrategy: new FirstToken(),
      errorMessageProvider: messages,
      ...options,
    });
  }

  protected is(type: TokenType, k = 1): boolean {
    return tokenMatcher(this.LA(k), type);
  }
  /** Whether the k-th token stands on the line of the one before it. */
  protected sameLine(k = 1): boolean {
    return this.LA(k).startLine === this.LA(k - 1).endLine;
  }
  protected startsOperand(k: number): boolean {
    return (
      this.is(t.Identifier, k) ||
      this.is(t.NumberToken, k) ||
      this.is(t.Text, k) ||
      this.is(t.LParen, k) ||
      this.is(t.LBracket, k) ||
      this.is(t.Minus, k) ||
      this.is(t.Bang, k)
    );
  }
  /** A `-` at the start of a line that touches what follows begins a new expression; `- x` goes on with the last. */
  protected beginsLine(): boolean {
    return (
      this.parens === 0 && this.is(t.Minus) && !this.sameLine() && this.LA(2).startOffset === this.LA(1).startOffset + 1
    );
  }
  /** Depth of parentheses and brackets around the current token, counted from the innermost block. */
  protected parens = 0;
  protected readonly outerParens: number[] = [];
  /** Where tokens were skipped because they begin nothing. */
  readonly strays: { readonly token: IToken; readonly kind: "not-a-declaration" | "missing-comma" | "unexpected" }[] =
    [];

  override reset(): void {
    super.reset();
    this.parens = 0;
    this.outerParens.length = 0;
    this.strays.length = 0;
  }

  /** Whether `over`, `along` or `as` goes on with its axes here, and is no value's name. */
  protected atClause(): boolean {
    return (
      (this.is(w.over) || this.is(w.along) || this.is(w.as)) && (this.is(t.Identifier, 2) || this.is(t.LBracket, 2))
    );
  }

  /** What begins no line of a block: up to its end or the next line. Bracketed groups are skipped whole. */
  readonly strayLine = this.RULE("strayLine", () => {
    this.ACTION(() => this.strays.push({ token: this.LA(1), kind: "unexpected" }));
    this.SUBRULE(this.strayItem);
    this.MANY({
      GATE: () => this.sameLine() || !(this.is(t.Identifier) || this.is(t.NumberToken)),
      DEF: () => this.SUBRULE1(this.strayItem),
    });
  });
  readonly strayItem = this.RULE("strayItem", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.strayGroup) },
        {
          GATE: () => !(this.is(t.RBrace) || this.is(t.RParen) || this.is(t.RBracket)),
          ALT: () => this.CONSUME(t.Any),
        },
      ],
    });
  });
  readonly strayGroup = this.RULE("strayGroup", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.LBrace) },
      { ALT: () => this.CONSUME(t.LParen) },
      { ALT: () => this.CONSUME(t.LBracket) },
    ]);
    this.MANY({
      GATE: () => !(this.is(t.RBrace) || this.is(t.RParen) || this.is(t.RBracket)),
      DEF: () => this.SUBRULE(this.strayItem),
    });
    this.OR1([
      { ALT: () => this.CONSUME(t.RBrace) },
      { ALT: () => this.CONSUME(t.RParen) },
      { ALT: () => this.CONSUME(t.RBracket) },
    ]);
  });
}
