/** The base class of the parser: looking ahead, the depth of brackets, and rules that skip tokens which fit nowhere. */
import type { CstNode, IToken, ParserMethod, TokenType } from "chevrotain";
import { CstParser, tokenMatcher } from "../chevrotain.js";
import { messages } from "../expectation.js";
import { FirstToken } from "../lookahead.js";
import * as t from "../tokens.js";

const w = t.words;

export interface ParserOptions {
  /** True if the parser goes on after a mistake. */
  readonly recoveryEnabled: boolean;
  readonly skipValidations: boolean;
}
export type Rule = ParserMethod<[], CstNode>;

/**
 * The rules of FSL are one grammar. They are spread over a chain of classes, each in a file of its own. A rule that a class calls
 * and a derived class defines is abstract in it. The last class analyzes the whole once all rules are defined.
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
  /** Tells whether the k-th token stands on the same line as the token before it. */
  /** Returns true if a word that is a name here stands in parentheses at the k-th token, as the formatter writes it. */
  protected guardedName(k = 1): boolean {
    return this.is(t.LParen, k) && t.guardedWords.has(this.LA(k + 1).image) && this.is(t.RParen, k + 2);
  }
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
  /** Tells whether a `-` begins a new expression. At the start of a line `-x` does, and `- x` goes on with the line above. */
  protected beginsLine(): boolean {
    return (
      this.parens === 0 && this.is(t.Minus) && !this.sameLine() && this.LA(2).startOffset === this.LA(1).startOffset + 1
    );
  }
  /** The depth of parentheses and brackets around the current token, counted from the innermost block. */
  protected parens = 0;
  protected readonly outerParens: number[] = [];
  /** The tokens at which the parser began to skip, because they begin nothing that fits there. */
  readonly strays: { readonly token: IToken; readonly kind: "not-a-declaration" | "missing-comma" | "unexpected" }[] =
    [];

  override reset(): void {
    super.reset();
    this.parens = 0;
    this.outerParens.length = 0;
    this.strays.length = 0;
  }

  /** Tells whether the next token is `by` before the labels that a sum goes by, and not the name of a value. */
  protected atBy(): boolean {
    return this.is(w.by) && this.is(t.Identifier, 2);
  }
  /** Tells whether the next token is `over`, `along` or `as` as a clause with its axes, and not the name of a value. */
  protected atClause(): boolean {
    return (
      (this.is(w.over) || this.is(w.along) || this.is(w.as)) && (this.is(t.Identifier, 2) || this.is(t.LBracket, 2))
    );
  }

  /** Tokens that begin no line of a block, up to the end of the block or the next line. Bracketed groups are skipped whole. */
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
