/** Habits in stages and datasets: their lines written as `key: value` or `key = value`. */
import * as t from "../tokens.js";
import { adviceForKey, isKnownKey } from "./keys.js";
import { at, begins, type Habit, is, isWord, onLine, type Place, restOfLine, word } from "./place.js";

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

/** `for 60 episodes, batch 4`. */
const batches: Habit = (place) => {
  const first = at(place);
  const count = at(place, 1)?.tokenType === t.Equals || is(place, t.Colon, 1) ? 2 : 1;
  const number = at(place, count);
  if (place.inside !== "lines" || first === undefined || !isWord(place, ["batch", "batch_size"])) return undefined;
  if (!is(place, t.Comma, -1) || number === undefined || !is(place, t.NumberToken, count)) return undefined;
  const episodes = { ...first, image: "episodes", tokenType: t.Unit, tokenTypeIdx: t.Unit.tokenTypeIdx ?? 0 };
  return {
    taken: count + 1,
    put: [number, episodes, word("per", first), word("step", first)],
    what: "the size of a step has a unit",
    help: `write \`${number.image} episodes per step\` in a \`meta\` stage, and \`${number.image} images per step\` in a \`pretrain\``,
    marked: count + 1,
  };
};

/** `encoder conv64;` and `encoder conv64,` at the end of a line. */
const separators: Habit = (place) => {
  const sign = at(place);
  if (place.inside !== "lines" || place.parens > 0 || sign === undefined) return undefined;
  const ends = is(place, t.Semicolon) || (is(place, t.Comma) && (is(place, t.RBrace, 1) || startsLine(place)));
  if (!ends) return undefined;
  return { taken: 1, put: [], what: `a line of a stage ends without \`${sign.image}\``, help: "remove it" };
};

/** Tells whether a word that begins a line of a stage follows on another line. A value may go on after a comma. */
function startsLine(place: Place): boolean {
  return !onLine(place, 1) && known.has(at(place, 1)?.image ?? "") && !is(place, t.Colon, 2);
}

export const lineHabits: readonly Habit[] = [keys, batches, separators];
