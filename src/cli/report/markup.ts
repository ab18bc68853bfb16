/** Makes HTML and SVG from data. Every text from outside is cleaned and escaped on its way in, so that no name becomes markup. */
import { printableLines } from "../../common/printable.js";

/** A text that is markup already and stays as it is. */
export class Markup {
  constructor(readonly text: string) {}
}

/** A thing that can stand in markup: other markup, data that are escaped, or a list of both. */
export type Piece = Markup | string | number | undefined | readonly Piece[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Returns a text without unprintable characters and without characters that mean something in markup or in an attribute. */
export function escapeText(text: string): string {
  return printableLines(text).replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

/** Fills a template of HTML or SVG. Its own text is markup; every value is escaped unless it is markup too. */
export function markup(parts: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  return new Markup(parts.map((part, i) => (i === 0 ? part : pieceText(values[i - 1]) + part)).join(""));
}

function pieceText(piece: Piece): string {
  if (piece === undefined) return "";
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === "object") return piece.map(pieceText).join("");
  return escapeText(`${piece}`);
}
