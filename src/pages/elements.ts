/** Makes elements of a page. Texts always become text nodes, so that no name from outside is ever markup. */

type Child = Node | string | undefined | readonly Child[];
type Value = string | number | boolean | undefined | ((event: Event) => void);

/** Makes an element. A function becomes a listener of the event of its name, `true` an empty attribute, and `undefined` nothing. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Value>>,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : `${value}`);
  }
  append(made, children);
  return made;
}

function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined) continue;
    if (typeof child === "string" || child instanceof Node) parent.appendChild(toNode(child));
    else append(parent, child);
  }
}

function toNode(child: Node | string): Node {
  return typeof child === "string" ? document.createTextNode(child) : child;
}

/** Puts new content into an element. The element with the focus is found again by its id, so that a keyboard keeps its place. */
export function replaceContent(target: Element, ...children: readonly Child[]): void {
  const focused = document.activeElement?.id ?? "";
  const fragment = document.createDocumentFragment();
  append(fragment, children);
  target.replaceChildren(fragment);
  if (focused !== "") document.getElementById(focused)?.focus();
}
