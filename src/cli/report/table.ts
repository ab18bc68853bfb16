/** Makes tables of HTML. */
import { type Markup, markup, type Piece } from "./markup.js";

export interface Column {
  readonly name: string;
  readonly number?: true;
}

/** Returns a table that scrolls by itself if it is wider than the page. The first cell of each row is its heading. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Piece[])[]): Markup {
  const style = (column: Column | undefined): string => (column?.number === true ? "number" : "words");
  const heads = columns.map((column) => markup`<th scope="col" class="${style(column)}">${column.name}</th>`);
  const body = rows.map((row) => {
    const [first, ...rest] = row;
    const cells = rest.map((cell, i) => markup`<td class="${style(columns[i + 1])}">${cell}</td>`);
    return markup`<tr><th scope="row">${first}</th>${cells}</tr>`;
  });
  return markup`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}
