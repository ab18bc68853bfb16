/**
 * Stores the parser's decisions as plain data. Chevrotain records every rule and analyzes the record before it parses the first
 * text, which takes longer than checking an experiment. Parsing needs only one result of it: the tokens that each alternative may
 * begin with. The build therefore works those out once, for the command line.
 */
import { type Decide, decideAlternative, decideOptional, type First } from "./lookahead.js";
import { vocabulary } from "./tokens.js";

/** The tokens that an alternative may begin with, by their place in the vocabulary. `empty`: the alternative may hold nothing. */
type FirstEntry = readonly [empty: boolean, types: readonly number[]];
/** One decision: Chevrotain's key of a place in a rule, and the alternatives there. */
export type DecisionEntry = readonly [key: number, kind: Decide["kind"], ways: readonly FirstEntry[]];
export type Decisions = ReadonlyMap<number, Decide>;

export function encodeDecisions(decisions: Decisions): DecisionEntry[] {
  const places = new Map(vocabulary.map(({ tokenTypeIdx }, i) => [tokenTypeIdx, i]));
  const placeOf = (type: number): number => {
    const found = places.get(type);
    if (found === undefined) throw new Error(`grammar: a rule begins with a token that the vocabulary lacks (${type})`);
    return found;
  };
  return [...decisions].map(([key, { kind, ways }]) => [
    key,
    kind,
    ways().map(({ types, empty }) => [empty, [...types].map(placeOf)]),
  ]);
}

export function decodeDecisions(entries: readonly DecisionEntry[]): Decisions {
  return new Map(
    entries.map(([key, kind, ways]) => {
      const firsts = (): First[] => ways.map(([empty, types]) => ({ empty, types: new Set(types.map(typeAt)) }));
      return [key, kind === "alternative" ? decideAlternative(firsts) : decideOptional(firsts)];
    }),
  );
}

function typeAt(place: number): number {
  const type = vocabulary[place]?.tokenTypeIdx;
  if (type === undefined) throw new Error(`grammar: the vocabulary has no token ${place}`);
  return type;
}
