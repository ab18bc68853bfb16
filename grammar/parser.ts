/**
 * The grammar of FSL 1, as Chevrotain rules: tokens → concrete tree. `docs/language.md` states the same rules in EBNF
 * under the same names, and a test compares the two. Choices that a word alone does not decide are made by gates.
 * Where people slip (`=` for `:`, a missing comma), a rule takes the slip as well and `build` notes it.
 */
import type { IToken, TokenType } from "chevrotain";
import { CstParser, tokenMatcher } from "./chevrotain.js";
import { messages } from "./expectation.js";
import * as t from "./tokens.js";

const w = t.words;
const declarationStarts: ReadonlySet<TokenType> = new Set([
  w.param,
  w.dataset,
  w.backbone,
  w.block,
  w.episode,
  w.metric,
  w.fn,
  w.pretrain,
  w.meta,
  w.evaluate,
]);

const stageWords: ReadonlySet<TokenType> = new Set([
  w.encoder,
  w.head,
  w.metric,
  w.data,
  w.episodes,
  w.optimizer,
  w.schedule,
  w.validate,
  w.report,
  w.loss,
  w.fit,
]);

export class FslParser extends CstParser {
  constructor(skipValidations = true) {
    super(t.vocabulary, {
      recoveryEnabled: true,
      nodeLocationTracking: "full",
      maxLookahead: 1,
      skipValidations,
      errorMessageProvider: messages,
    });
    this.performSelfAnalysis();
  }

  // ------------------------------------------------------------------ looking ahead

  private is(type: TokenType, k = 1): boolean {
    return tokenMatcher(this.LA(k), type);
  }
  /** Whether the k-th token stands on the line of the one before it. */
  private sameLine(k = 1): boolean {
    return this.LA(k).startLine === this.LA(k - 1).endLine;
  }
  private startsOperand(k: number): boolean {
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
  private beginsLine(): boolean {
    return (
      this.parens === 0 && this.is(t.Minus) && !this.sameLine() && this.LA(2).startOffset === this.LA(1).startOffset + 1
    );
  }
  private atDeclaration(): boolean {
    return this.is(w.import) || (declarationStarts.has(this.LA(1).tokenType) && this.is(t.Identifier, 2));
  }
  /** The token after the parenthesis that the k-th token opens. */
  private afterParen(k: number): IToken {
    let depth = 0;
    for (let i = k; ; i++) {
      if (this.is(t.LParen, i)) depth++;
      else if (this.is(t.RParen, i)) depth--;
      if (depth === 0 || Number.isNaN(this.LA(i).startOffset)) return this.LA(i + 1);
    }
  }
  /** Depth of parentheses and brackets around the current token, counted from the innermost block. */
  private parens = 0;
  private readonly outerParens: number[] = [];
  /** Where tokens were skipped because they begin nothing. */
  readonly strays: { readonly token: IToken; readonly kind: "not-a-declaration" | "unexpected" }[] = [];

  override reset(): void {
    super.reset();
    this.parens = 0;
    this.outerParens.length = 0;
    this.strays.length = 0;
  }

  // ------------------------------------------------------------------ files

  readonly file = this.RULE("file", () => {
    this.OPTION({
      GATE: () => this.is(t.NumberToken, 2),
      DEF: () => {
        this.CONSUME(w.fsl);
        this.CONSUME(t.NumberToken);
        this.OPTION1(() => this.CONSUME(t.Unit));
      },
    });
    this.MANY(() => {
      this.OR({
        IGNORE_AMBIGUITIES: true,
        DEF: [
          { GATE: () => this.atDeclaration(), ALT: () => this.SUBRULE(this.importLine) },
          { GATE: () => this.atDeclaration(), ALT: () => this.SUBRULE(this.declaration) },
          { ALT: () => this.SUBRULE(this.stray) },
        ],
      });
    });
  });

  /** Tokens that begin nothing, up to the next line that does. */
  readonly stray = this.RULE("stray", () => {
    const first = this.CONSUME1(t.Any);
    this.ACTION(() => this.strays.push({ token: first, kind: "not-a-declaration" }));
    this.MANY({
      GATE: () => !this.atDeclaration() && (this.sameLine() || !this.is(t.Identifier)),
      DEF: () => this.CONSUME2(t.Any),
    });
  });

  readonly importLine = this.RULE("importLine", () => {
    this.CONSUME(w.import);
    this.CONSUME(t.LBrace);
    this.MANY(() => {
      this.SUBRULE(this.importName);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RBrace);
    this.CONSUME(w.from);
    this.CONSUME(t.Text);
    this.OPTION1(() => {
      this.CONSUME(w.with);
      this.SUBRULE(this.args);
    });
  });
  readonly importName = this.RULE("importName", () => {
    this.CONSUME(t.Identifier, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(w.as);
      this.CONSUME1(t.Identifier, { LABEL: "alias" });
    });
  });

  readonly declaration = this.RULE("declaration", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.param) },
      { ALT: () => this.SUBRULE(this.dataset) },
      { ALT: () => this.SUBRULE(this.backbone) },
      { ALT: () => this.SUBRULE(this.blockLayer) },
      { ALT: () => this.SUBRULE(this.episode) },
      { ALT: () => this.SUBRULE(this.metric) },
      { ALT: () => this.SUBRULE(this.fn) },
      { ALT: () => this.SUBRULE(this.stage) },
    ]);
  });

  readonly param = this.RULE("param", () => {
    this.CONSUME(w.param);
    this.SUBRULE(this.parameter);
  });

  /** `name`, `name: type`, `name = value`, `name: type = value`. */
  readonly parameter = this.RULE("parameter", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.OR({
        IGNORE_AMBIGUITIES: true,
        DEF: [
          { GATE: () => this.is(t.Identifier), ALT: () => this.SUBRULE(this.type) },
          { ALT: () => this.SUBRULE(this.expression, { LABEL: "colonValue" }) },
        ],
      });
    });
    this.OPTION1(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE1(this.expression, { LABEL: "value" });
    });
  });
  readonly parameters = this.RULE("parameters", () => {
    this.CONSUME(t.LParen);
    this.MANY(() => {
      this.SUBRULE(this.parameter);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RParen);
  });

  readonly type = this.RULE("type", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { GATE: () => this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.fnType) },
        { GATE: () => this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.choiceType) },
        { ALT: () => this.SUBRULE(this.valueType) },
      ],
    });
  });
  readonly fnType = this.RULE("fnType", () => {
    this.CONSUME(w.fn);
    this.SUBRULE(this.fnHead);
  });
  readonly choiceType = this.RULE("choiceType", () => {
    this.CONSUME(w.one_of);
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.CONSUME(t.RParen);
  });
  readonly valueType = this.RULE("valueType", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Identifier, { LABEL: "axis" }) });
      this.CONSUME(t.RBracket);
    });
  });

  readonly dataset = this.RULE("dataset", () => {
    this.CONSUME(w.dataset);
    this.CONSUME(t.Identifier);
    this.OR([
      { ALT: () => this.SUBRULE(this.parameters) },
      {
        ALT: () => {
          this.SUBRULE(this.equals);
          this.SUBRULE(this.expression);
        },
      },
      { ALT: () => undefined },
    ]);
    this.OPTION(() => {
      this.CONSUME(t.LBrace);
      this.MANY({
        GATE: () => !this.is(t.RBrace),
        DEF: () => {
          this.OR1({
            IGNORE_AMBIGUITIES: true,
            DEF: [{ ALT: () => this.SUBRULE(this.datasetLine) }, { ALT: () => this.SUBRULE(this.strayLine) }],
          });
        },
      });
      this.CONSUME(t.RBrace);
    });
  });
  readonly datasetLine = this.RULE("datasetLine", () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.values);
  });
  /** `=`, and `:` where `=` was meant. */
  readonly equals = this.RULE("equals", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Equals) }, { ALT: () => this.CONSUME(t.Colon) }]);
  });
  readonly values = this.RULE("values", () => {
    this.SUBRULE(this.expression);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE1(this.expression);
    });
  });

  readonly backbone = this.RULE("backbone", () => {
    this.CONSUME(w.backbone);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.equals);
          this.SUBRULE(this.expression);
        },
      },
      { ALT: () => this.SUBRULE(this.layers) },
    ]);
  });
  readonly blockLayer = this.RULE("blockLayer", () => {
    this.CONSUME(w.block);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.SUBRULE(this.layers);
  });

  readonly episode = this.RULE("episode", () => {
    this.CONSUME(w.episode);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.SUBRULE(this.equals);
    this.SUBRULE(this.values);
  });

  readonly fn = this.RULE("fn", () => {
    this.CONSUME(w.fn);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.fnHead);
    this.SUBRULE(this.block);
  });
  /** `(a, b = 1 over f, g)`. */
  readonly fnHead = this.RULE("fnHead", () => {
    this.CONSUME(t.LParen);
    this.MANY({
      GATE: () => !this.atClause(),
      DEF: () => {
        this.SUBRULE(this.parameter);
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
    this.OPTION1(() => {
      this.CONSUME(w.over);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier, { LABEL: "axis" }) });
    });
    this.CONSUME(t.RParen);
  });

  // ------------------------------------------------------------------ layers

  readonly layers = this.RULE("layers", () => {
    this.CONSUME(t.LBrace);
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR({
          IGNORE_AMBIGUITIES: true,
          DEF: [{ ALT: () => this.SUBRULE(this.layer) }, { ALT: () => this.SUBRULE(this.strayLine) }],
        });
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
    this.CONSUME(t.RBrace);
  });
  readonly layer = this.RULE("layer", () => {
    this.OPTION({
      GATE: () => this.is(t.Colon, 2),
      DEF: () => {
        this.CONSUME(t.Identifier, { LABEL: "label" });
        this.CONSUME(t.Colon);
      },
    });
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.repeatLayer) },
        { GATE: () => this.is(t.LBrace, 2), ALT: () => this.SUBRULE(this.residual) },
        { GATE: () => this.is(t.LBrace, 2), ALT: () => this.SUBRULE(this.parallel) },
        { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.ifLayer) },
        { ALT: () => this.SUBRULE(this.callLayer) },
      ],
    });
    this.OPTION1(() => {
      this.CONSUME(w.as);
      this.CONSUME1(t.Identifier, { LABEL: "output" });
    });
  });
  readonly callLayer = this.RULE("callLayer", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.args));
  });
  readonly repeatLayer = this.RULE("repeatLayer", () => {
    this.CONSUME(w.repeat);
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(w.as);
      this.CONSUME(t.Identifier, { LABEL: "index" });
    });
    this.SUBRULE(this.layers);
  });
  readonly residual = this.RULE("residual", () => {
    this.CONSUME(w.residual);
    this.SUBRULE(this.layers, { LABEL: "body" });
    this.OPTION(() => {
      this.CONSUME(w.shortcut);
      this.SUBRULE1(this.layers, { LABEL: "shortcut" });
    });
  });
  readonly parallel = this.RULE("parallel", () => {
    this.CONSUME(w.parallel);
    this.AT_LEAST_ONE(() => this.SUBRULE(this.layers));
    this.CONSUME(w.along);
    this.CONSUME(t.Identifier, { LABEL: "axis" });
  });
  readonly ifLayer = this.RULE("ifLayer", () => {
    this.CONSUME(w.if);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.layers, { LABEL: "then" });
    this.OPTION(() => {
      this.CONSUME(w.else);
      this.SUBRULE1(this.layers, { LABEL: "otherwise" });
    });
  });

  // ------------------------------------------------------------------ metrics

  readonly metric = this.RULE("metric", () => {
    this.CONSUME(w.metric);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.CONSUME(t.LBrace);
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR({
          IGNORE_AMBIGUITIES: true,
          DEF: [
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.learn) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.fit) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.fn) },
            { ALT: () => this.SUBRULE(this.entry) },
            { ALT: () => this.SUBRULE(this.strayLine) },
          ],
        });
      },
    });
    this.CONSUME(t.RBrace);
  });
  readonly learn = this.RULE("learn", () => {
    this.CONSUME(w.learn);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.learnGroup) });
  });
  /** `q, k, v = linear(feature)`, `M [class, patch] = normal(0.02)`, `rate like encoder = 0.01`, `t = 1.0 positive`. */
  readonly learnGroup = this.RULE("learnGroup", () => {
    this.CONSUME(t.Identifier, { LABEL: "name" });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.CONSUME1(t.Identifier, { LABEL: "name" });
    });
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME2(t.Identifier, { LABEL: "axis" }) });
      this.CONSUME(t.RBracket);
    });
    this.OPTION1(() => {
      this.CONSUME(w.like);
      this.SUBRULE(this.expression, { LABEL: "like" });
    });
    this.SUBRULE(this.equals);
    this.SUBRULE1(this.expression, { LABEL: "value" });
    this.OPTION2(() => this.CONSUME(w.positive));
  });
  readonly fit = this.RULE("fit", () => {
    this.CONSUME(w.fit);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.CONSUME(w.from);
    this.SUBRULE(this.parameter);
    this.SUBRULE(this.block);
  });
  readonly entry = this.RULE("entry", () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.OPTION(() => {
      this.CONSUME(w.transductive);
      this.OPTION1(() => {
        this.CONSUME(t.Comma);
        this.CONSUME(w.assumes);
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Identifier, { LABEL: "assumed" }) });
      });
    });
    this.CONSUME(t.Arrow);
    this.SUBRULE(this.type);
    this.SUBRULE(this.block);
  });

  // ------------------------------------------------------------------ blocks and statements

  readonly block = this.RULE("block", () => {
    this.CONSUME(t.LBrace);
    this.ACTION(() => {
      this.outerParens.push(this.parens);
      this.parens = 0;
    });
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR({
          IGNORE_AMBIGUITIES: true,
          DEF: [
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.letStatement) },
            { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.repeatStatement) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.minimize) },
            { GATE: () => this.startsOperand(1), ALT: () => this.SUBRULE(this.expression) },
            { ALT: () => this.CONSUME(t.Semicolon) },
            { ALT: () => this.SUBRULE(this.strayLine) },
          ],
        });
      },
    });
    this.CONSUME(t.RBrace);
    this.ACTION(() => {
      this.parens = this.outerParens.pop() ?? 0;
    });
  });
  readonly letStatement = this.RULE("letStatement", () => {
    this.CONSUME(w.let);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.equals);
    this.SUBRULE(this.expression);
  });
  readonly binding = this.RULE("binding", () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(w.from);
    this.SUBRULE(this.expression);
  });
  /** `u = a` of a `repeat`. */
  readonly carried = this.RULE("carried", () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.equals);
    this.SUBRULE(this.expression);
  });
  readonly repeatStatement = this.RULE("repeatStatement", () => {
    this.CONSUME(w.repeat);
    this.SUBRULE(this.expression, { LABEL: "count" });
    this.CONSUME(w.from);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.carried) });
    this.SUBRULE(this.block);
    this.OPTION(() => {
      this.CONSUME(w.until);
      this.SUBRULE1(this.expression, { LABEL: "until" });
    });
  });
  readonly minimize = this.RULE("minimize", () => {
    this.CONSUME(w.minimize);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.binding) });
    this.CONSUME(w.by);
    this.SUBRULE(this.expression, { LABEL: "by" });
    this.CONSUME(w.for);
    this.SUBRULE1(this.expression, { LABEL: "steps" });
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.expression, { LABEL: "stepsAtTest" });
      this.CONSUME(w.at);
      this.CONSUME(w.test);
    });
    this.OPTION1(() => this.CONSUME(w.first_order));
    this.SUBRULE(this.block);
  });
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

  // ------------------------------------------------------------------ expressions

  /** Operators and operands in a row; `build` gives them their precedence. */
  readonly expression = this.RULE("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY({
      GATE: () => !this.beginsLine(),
      DEF: () => {
        this.CONSUME(t.Operator);
        this.SUBRULE1(this.operand);
      },
    });
  });
  readonly operand = this.RULE("operand", () => {
    this.MANY({
      GATE: () => !this.is(w.not) || this.startsOperand(2),
      DEF: () =>
        this.OR([
          { ALT: () => this.CONSUME(t.Minus, { LABEL: "prefix" }) },
          { ALT: () => this.CONSUME(t.Bang, { LABEL: "prefix" }) },
          { ALT: () => this.CONSUME(w.not, { LABEL: "prefix" }) },
        ]),
    });
    this.SUBRULE(this.primary);
    this.MANY1({
      GATE: () => this.is(t.Dot) || this.sameLine(),
      DEF: () => this.SUBRULE(this.suffix),
    });
  });
  readonly suffix = this.RULE("suffix", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.CONSUME(t.Identifier, { LABEL: "member" });
        },
      },
      { ALT: () => this.SUBRULE(this.args) },
      { ALT: () => this.SUBRULE(this.renames) },
    ]);
  });
  readonly primary = this.RULE("primary", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.number) },
        { ALT: () => this.CONSUME(t.Text) },
        { ALT: () => this.CONSUME(w.true) },
        { ALT: () => this.CONSUME(w.false) },
        { GATE: () => this.is(t.LBracket, 2), ALT: () => this.SUBRULE(this.each) },
        { GATE: () => this.is(t.LBrace, 2), ALT: () => this.SUBRULE(this.module) },
        { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.ifExpression) },
        { ALT: () => this.CONSUME(t.Identifier) },
        { ALT: () => this.SUBRULE(this.list) },
        { ALT: () => this.SUBRULE(this.tuple) },
      ],
    });
  });
  readonly number = this.RULE("number", () => {
    this.CONSUME(t.NumberToken);
    this.OPTION(() => this.CONSUME(t.Unit));
  });
  readonly each = this.RULE("each", () => {
    this.CONSUME(w.each);
    this.SUBRULE(this.list);
  });
  readonly list = this.RULE("list", () => {
    this.CONSUME(t.LBracket);
    this.ACTION(() => this.parens++);
    this.SUBRULE(this.items);
    this.CONSUME(t.RBracket);
    this.ACTION(() => this.parens--);
  });
  readonly tuple = this.RULE("tuple", () => {
    this.CONSUME(t.LParen);
    this.ACTION(() => this.parens++);
    this.SUBRULE(this.items);
    this.CONSUME(t.RParen);
    this.ACTION(() => this.parens--);
  });
  readonly items = this.RULE("items", () => {
    this.MANY({
      GATE: () => this.startsOperand(1),
      DEF: () => {
        this.SUBRULE(this.expression);
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
  });
  readonly module = this.RULE("module", () => {
    this.CONSUME(w.module);
    this.SUBRULE(this.layers);
  });
  readonly ifExpression = this.RULE("ifExpression", () => {
    this.CONSUME(w.if);
    this.SUBRULE(this.expression, { LABEL: "condition" });
    this.SUBRULE(this.block, { LABEL: "body" });
    this.MANY({
      GATE: () => this.is(w.if, 2),
      DEF: () => {
        this.CONSUME(w.else);
        this.CONSUME1(w.if);
        this.SUBRULE1(this.expression, { LABEL: "condition" });
        this.SUBRULE1(this.block, { LABEL: "body" });
      },
    });
    this.CONSUME1(w.else);
    this.SUBRULE2(this.block, { LABEL: "body" });
  });

  private atClause(): boolean {
    return (
      (this.is(w.over) || this.is(w.along) || this.is(w.as)) && (this.is(t.Identifier, 2) || this.is(t.LBracket, 2))
    );
  }
  /** `(x, scale: 2.0 over way, shot)`. */
  readonly args = this.RULE("args", () => {
    this.CONSUME(t.LParen);
    this.ACTION(() => this.parens++);
    this.MANY({
      GATE: () => !this.atClause() && this.startsOperand(1),
      DEF: () => {
        this.SUBRULE(this.argument);
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
    this.MANY1(() => this.SUBRULE(this.clause));
    this.CONSUME(t.RParen);
    this.ACTION(() => this.parens--);
  });
  readonly argument = this.RULE("argument", () => {
    this.OPTION({
      GATE: () => this.is(t.Colon, 2) || this.is(t.Equals, 2),
      DEF: () => {
        this.CONSUME(t.Identifier);
        this.SUBRULE(this.equals);
      },
    });
    this.SUBRULE(this.expression);
  });
  readonly clause = this.RULE("clause", () => {
    this.OR([
      { ALT: () => this.CONSUME(w.over, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.along, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.as, { LABEL: "word" }) },
    ]);
    this.OR1([
      {
        ALT: () => {
          this.CONSUME(t.LBracket);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier, { LABEL: "axis" }) });
          this.CONSUME(t.RBracket);
        },
      },
      {
        ALT: () => this.AT_LEAST_ONE_SEP1({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Identifier, { LABEL: "axis" }) }),
      },
    ]);
  });
  /** `[way']`, `[a as b, c']`. */
  readonly renames = this.RULE("renames", () => {
    this.CONSUME(t.LBracket);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.rename) });
    this.CONSUME(t.RBracket);
  });
  readonly rename = this.RULE("rename", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Identifier, { LABEL: "from" });
          this.OPTION(() => {
            this.CONSUME(w.as);
            this.CONSUME1(t.Identifier, { LABEL: "to" });
          });
        },
      },
      { ALT: () => this.CONSUME(t.NumberToken) },
    ]);
  });

  // ------------------------------------------------------------------ stages

  readonly stage = this.RULE("stage", () => {
    this.OR([
      { ALT: () => this.CONSUME(w.pretrain, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.meta, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.evaluate, { LABEL: "word" }) },
    ]);
    this.CONSUME(t.Identifier, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(w.like);
      this.CONSUME1(t.Identifier, { LABEL: "like" });
    });
    this.CONSUME(t.LBrace);
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR1({
          IGNORE_AMBIGUITIES: true,
          DEF: [{ ALT: () => this.SUBRULE(this.stageLine) }, { ALT: () => this.SUBRULE(this.strayLine) }],
        });
      },
    });
    this.CONSUME(t.RBrace);
  });
  readonly stageLine = this.RULE("stageLine", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.slot) },
        { ALT: () => this.SUBRULE(this.of) },
        { ALT: () => this.SUBRULE(this.data) },
        { ALT: () => this.SUBRULE(this.episodes) },
        { ALT: () => this.SUBRULE(this.optimizer) },
        { ALT: () => this.SUBRULE(this.schedule) },
        { ALT: () => this.SUBRULE(this.for) },
        { ALT: () => this.SUBRULE(this.validate) },
        { ALT: () => this.SUBRULE(this.report) },
        { ALT: () => this.SUBRULE(this.loss) },
        { GATE: () => this.is(w.from, 2), ALT: () => this.SUBRULE(this.fitFrom) },
        { ALT: () => this.SUBRULE(this.setting) },
      ],
    });
  });
  /** `encoder frozen base.encoder`: the word is a modifier where a value follows on its line. */
  readonly slot = this.RULE("slot", () => {
    this.OR([
      { ALT: () => this.CONSUME(w.encoder, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.head, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.metric, { LABEL: "word" }) },
    ]);
    this.MANY({
      GATE: () => this.is(t.Identifier, 2) && this.sameLine(2),
      DEF: () => this.OR1([{ ALT: () => this.CONSUME(w.frozen) }, { ALT: () => this.CONSUME(w.untrained) }]),
    });
    this.SUBRULE(this.expression);
  });
  readonly of = this.RULE("of", () => {
    this.CONSUME(w.of);
    this.CONSUME(t.Identifier);
  });
  readonly data = this.RULE("data", () => {
    this.CONSUME(w.data);
    this.SUBRULE(this.expression);
  });
  readonly episodes = this.RULE("episodes", () => {
    this.CONSUME(w.episodes);
    this.SUBRULE(this.expression, { LABEL: "task" });
    this.CONSUME(w.from);
    this.SUBRULE1(this.expression, { LABEL: "split" });
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.expression, { LABEL: "count" });
    });
  });
  readonly optimizer = this.RULE("optimizer", () => {
    this.CONSUME(w.optimizer);
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.LBrace);
      this.MANY(() => {
        this.SUBRULE(this.group);
        this.OPTION1(() => this.CONSUME(t.Semicolon));
      });
      this.CONSUME(t.RBrace);
    });
  });
  readonly group = this.RULE("group", () => {
    this.SUBRULE(this.path);
    this.OPTION({ GATE: () => !this.is(t.Colon, 2), DEF: () => this.CONSUME(w.frozen) });
    this.MANY({
      GATE: () => this.is(t.Colon, 2) || this.is(t.Equals, 2),
      DEF: () => {
        this.SUBRULE(this.argument);
        this.OPTION1(() => this.CONSUME(t.Comma));
      },
    });
  });
  readonly path = this.RULE("path", () => {
    this.SUBRULE(this.pathPart);
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Dot);
            this.SUBRULE1(this.pathPart);
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.LBracket);
            this.CONSUME(t.NumberToken);
            this.CONSUME(t.RBracket);
          },
        },
      ]);
    });
  });
  readonly pathPart = this.RULE("pathPart", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.StarStar) },
    ]);
  });
  readonly schedule = this.RULE("schedule", () => {
    this.CONSUME(w.schedule);
    this.SUBRULE(this.expression);
  });
  readonly for = this.RULE("for", () => {
    this.CONSUME(w.for);
    this.SUBRULE(this.expression, { LABEL: "total" });
    this.OPTION({
      GATE: () => this.sameLine() || this.is(t.NumberToken, 2),
      DEF: () => {
        this.CONSUME(w.of);
        this.SUBRULE1(this.expression, { LABEL: "of" });
      },
    });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.forPart);
    });
  });
  readonly forPart = this.RULE("forPart", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(w.last, 2),
          ALT: () => {
            this.CONSUME(w.drop);
            this.CONSUME(w.last);
          },
        },
        {
          ALT: () => {
            this.SUBRULE(this.expression);
            this.CONSUME(w.per);
            this.CONSUME(w.step);
          },
        },
      ],
    });
  });
  readonly validate = this.RULE("validate", () => {
    this.CONSUME(w.validate);
    this.SUBRULE(this.expression, { LABEL: "task" });
    this.CONSUME(w.from);
    this.SUBRULE1(this.expression, { LABEL: "split" });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.validatePart);
    });
  });
  readonly validatePart = this.RULE("validatePart", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(w.best, 2),
          ALT: () => {
            this.CONSUME(w.keep);
            this.CONSUME(w.best);
          },
        },
        {
          GATE: () => this.is(t.Identifier, 2) || this.is(t.NumberToken, 2),
          ALT: () => {
            this.CONSUME(w.every);
            this.SUBRULE(this.expression, { LABEL: "every" });
          },
        },
        { ALT: () => this.SUBRULE1(this.expression, { LABEL: "count" }) },
      ],
    });
  });
  readonly report = this.RULE("report", () => {
    this.CONSUME(w.report);
    this.SUBRULE(this.values);
  });
  /** `loss(x: image [item], y: class [item]) { … }` where a block follows the parenthesis, else `loss EXPRESSION`. */
  readonly loss = this.RULE("loss", () => {
    this.CONSUME(w.loss);
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(t.LParen) && tokenMatcher(this.afterParen(1), t.LBrace),
          ALT: () => {
            this.SUBRULE(this.parameters);
            this.SUBRULE(this.block);
          },
        },
        { ALT: () => this.SUBRULE(this.expression) },
      ],
    });
  });
  readonly fitFrom = this.RULE("fitFrom", () => {
    this.CONSUME(w.fit);
    this.CONSUME(w.from);
    this.SUBRULE(this.expression);
  });
  /** A line of any other word; the checker knows which there are. What fits no value is skipped to the line's end. */
  readonly setting = this.RULE("setting", () => {
    this.CONSUME(t.Identifier);
    this.OPTION({ GATE: () => this.is(t.Text, 2), DEF: () => this.CONSUME(w.from) });
    this.OPTION1({
      GATE: () => this.sameLine() && this.startsOperand(1),
      DEF: () => this.SUBRULE(this.values),
    });
    this.MANY({
      GATE: () => this.sameLine() && !this.is(t.RBrace) && !stageWords.has(this.LA(1).tokenType),
      DEF: () => this.SUBRULE(this.strayItem),
    });
  });
}

/** Made once: building the lookahead tables costs more than parsing a file. */
export const fslParser = new FslParser();
