/**
 * An LL(1) strategy for Chevrotain: the parser chooses its way by the next token. Chevrotain's own strategy works out every
 * decision of the grammar, for any number of tokens, before it parses the first text, and that takes longer than checking an
 * experiment. This strategy works out the first tokens of a place when the parser first reaches it.
 */
import type {
  ILookaheadStrategy,
  ILookaheadValidationError,
  IOrAlt,
  IProduction,
  IToken,
  OptionalProductionType,
  Rule,
  TokenType,
} from "chevrotain";
import { gast, LLkLookaheadStrategy } from "./chevrotain.js";

/** The tokens that a part of a rule may begin with. */
export interface First {
  /** The token types by their index, including those of categories. */
  readonly types: ReadonlySet<number>;
  /** True if the part may hold nothing at all. It then fits before any token. */
  readonly empty: boolean;
}
/** The part of a parser that lookahead functions use. Chevrotain calls them with the parser as `this`. */
interface Parser {
  LA(k: number): IToken;
}
type Alternatives = readonly Pick<IOrAlt<unknown>, "GATE">[];

/** A function that chooses the way at one place of a rule. Chevrotain keeps it and calls it with the parser as `this`. */
export type Decide = DecideAlternative | DecideOptional;
interface DecideAlternative extends Decision {
  (alternatives?: Alternatives): number | undefined;
  readonly kind: "alternative";
}
interface DecideOptional extends Decision {
  (): boolean;
  readonly kind: "optional";
}
interface Decision {
  /** Returns the first tokens of each alternative, or of the content of an optional part. They are worked out on the first call. */
  ways(): readonly First[];
}

export class FirstToken implements ILookaheadStrategy {
  private readonly rules = new Map<Rule, First>();
  private readonly choices = new Map<Rule, ReadonlyMap<string, Choice>>();

  /** Leaves the search for ambiguities and left recursion to Chevrotain's own strategy, which works out the same sets. */
  validate(options: Parameters<ILookaheadStrategy["validate"]>[0]): ILookaheadValidationError[] {
    return new LLkLookaheadStrategy({ maxLookahead: 1 }).validate(options);
  }

  buildLookaheadForAlternation({
    rule,
    prodOccurrence,
  }: {
    readonly rule: Rule;
    readonly prodOccurrence: number;
  }): DecideAlternative {
    return decideAlternative(() =>
      this.choice(rule, "Alternation", prodOccurrence).definition.map((alt) => this.firstOf(alt)),
    );
  }

  buildLookaheadForOptional({
    rule,
    prodOccurrence,
    prodType,
  }: {
    readonly rule: Rule;
    readonly prodOccurrence: number;
    readonly prodType: OptionalProductionType;
  }): DecideOptional {
    return decideOptional(() => [this.firstOfSequence(this.choice(rule, prodType, prodOccurrence).definition)]);
  }

  private firstOf(production: IProduction): First {
    if (production instanceof gast.Terminal) return { types: new Set(indices(production.terminalType)), empty: false };
    if (production instanceof gast.NonTerminal) {
      const { referencedRule } = production;
      const known = this.rules.get(referencedRule) ?? this.firstOfSequence(referencedRule.definition);
      this.rules.set(referencedRule, known);
      return known;
    }
    if (production instanceof gast.Alternation) {
      const all = production.definition.map((alternative) => this.firstOf(alternative));
      return { types: new Set(all.flatMap(({ types }) => [...types])), empty: all.some(({ empty }) => empty) };
    }
    if (!hasDefinition(production)) throw new Error(`grammar: no first tokens of ${production.constructor.name}`);
    const inner = this.firstOfSequence(production.definition);
    return isOptional(production) ? { ...inner, empty: true } : inner;
  }

  private firstOfSequence(definition: readonly IProduction[]): First {
    const types = new Set<number>();
    for (const production of definition) {
      const first = this.firstOf(production);
      for (const type of first.types) types.add(type);
      if (!first.empty) return { types, empty: false };
    }
    return { types, empty: true };
  }

  /** Returns one place of a rule where the parser has to choose. */
  private choice(rule: Rule, type: string, occurrence: number): Choice {
    let choices = this.choices.get(rule);
    if (choices === undefined) {
      choices = choicesOf(rule);
      this.choices.set(rule, choices);
    }
    const found = choices.get(`${type} ${occurrence}`);
    if (found === undefined) throw new Error(`grammar: ${rule.name} has no ${type} ${occurrence}`);
    return found;
  }
}

/** The first alternative that may begin with the next token, and whose gate is open. */
export function decideAlternative(firsts: () => readonly First[]): DecideAlternative {
  const ways = memoized(firsts);
  const decide = function (this: unknown, alternatives: Alternatives = []): number | undefined {
    const { tokenTypeIdx } = (this as Parser).LA(1);
    const at = ways().findIndex(
      (way, i) => alternatives[i]?.GATE?.call(this) !== false && canBeginWith(way, tokenTypeIdx),
    );
    return at < 0 ? undefined : at;
  };
  return Object.assign(decide, { kind: "alternative" as const, ways });
}

/** Makes a function that tells whether an optional part begins with the next token. */
export function decideOptional(firsts: () => readonly First[]): DecideOptional {
  const ways = memoized(firsts);
  const decide = function (this: unknown): boolean {
    const { tokenTypeIdx } = (this as Parser).LA(1);
    return ways().some((way) => canBeginWith(way, tokenTypeIdx));
  };
  return Object.assign(decide, { kind: "optional" as const, ways });
}

interface Choice {
  readonly definition: readonly IProduction[];
}

const kinds = [
  ["Alternation", gast.Alternation],
  ["Option", gast.Option],
  ["Repetition", gast.Repetition],
  ["RepetitionWithSeparator", gast.RepetitionWithSeparator],
  ["RepetitionMandatory", gast.RepetitionMandatory],
  ["RepetitionMandatoryWithSeparator", gast.RepetitionMandatoryWithSeparator],
] as const;

function choicesOf(rule: Rule): Map<string, Choice> {
  const found = new Map<string, Choice>();
  const visit = (production: IProduction): void => {
    if (!hasDefinition(production)) return;
    for (const [type, made] of kinds) {
      if (production instanceof made) found.set(`${type} ${production.idx}`, production);
    }
    for (const inner of production.definition) visit(inner);
  };
  for (const production of rule.definition) visit(production);
  return found;
}

function hasDefinition(production: IProduction): production is IProduction & Choice {
  return !(production instanceof gast.NonTerminal) && "definition" in production;
}

function isOptional(production: IProduction): boolean {
  return (
    production instanceof gast.Option ||
    production instanceof gast.Repetition ||
    production instanceof gast.RepetitionWithSeparator
  );
}

function indices({ tokenTypeIdx, categoryMatches = [] }: TokenType): number[] {
  return tokenTypeIdx === undefined ? categoryMatches : [tokenTypeIdx, ...categoryMatches];
}

function canBeginWith({ types, empty }: First, type: number): boolean {
  return empty || types.has(type);
}

function memoized<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
