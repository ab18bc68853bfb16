/** Habits in stages and datasets: their lines written as `key: value` or `key = value`. */
import * as t from "../tokens.js";
import { adviceForKey, isKnownKey } from "./keys.js";
import { at, begins, type Habit, is, onLine, restOfLine } from "./place.js";

const known: ReadonlySet<string> = new Set([
  ...t.lineWords,
  "of",
  "for",
  "source",
  "train",
  "eval",
  "unreadable",
  "classes",
]);

/** `encoder: conv64`, `encoder = conv64`, `n_way: 5`. */
const keys: Habit = (place) => {
  const first = at(place);
  if (place.inside !== "lines" || !begins(place) || first === undefined || !is(place, t.Identifier)) return undefined;
  const sign = at(place, 1);
  if (sign === undefined || !onLine(place, 1) || !(is(place, t.Colon, 1) || is(place, t.Equals, 1))) return undefined;
  const what = `a line begins with its word, without \`${sign.image}\``;
  if (known.has(first.image)) {
    const value = at(place, 2)?.image ?? "…";
    return {
      taken: 2,
      put: [first],
      what,
      help: `write \`${first.image} ${value} …\``.replace(/ …`$/, restOfLine(place) > 3 ? " …`" : "`"),
      marked: 2,
    };
  }
  const help = isKnownKey(first.image)
    ? adviceForKey(first.image)
    : "`fslc explain FSL1022` lists the lines of a stage";
  return { taken: restOfLine(place), put: [], what: `no line begins with \`${first.image}\``, help, marked: 2 };
};

export const lineHabits: readonly Habit[] = [keys];
