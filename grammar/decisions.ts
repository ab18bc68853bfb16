/**
 * The parser's decisions as plain data. Chevrotain records every rule and analyses the record before the first text is
 * parsed, which takes longer than checking an experiment; all that parsing needs of it is which tokens each way may begin
 * with, so the build works that out once, for the command line.
 */
import { type Decide, decideAlternative, decideOptional, type First } from "./lookahead.js";
import { vocabulary } from "./tokens.js";

/** What a way may begin with: whether with nothing, and token types by their place in the vocabulary. */
type FirstEntry = readonly [empty: boolean, types: readonly number[]];
/** Chevrotain's key of a place in a rule, and the ways from there. */
export type DecisionEntry = readonly [key: number, kind: Decide["kind"], ways: readonly FirstEntry[]];
export type Decisions = ReadonlyMap<number, Decide>;

export function writtenDecisions(decisions: Decisions): DecisionEntry[] {
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

export function readDecisions(entries: readonly DecisionEntry[]): Decisions {
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
