/** Returns the URL of the compiled file of a worker or thread. Tests run the sources, but a new thread needs JavaScript. */
export function threadUrl(importMetaUrl: string, relative: `./${string}.js`): URL {
  const url = new URL(relative, importMetaUrl);
  if (!importMetaUrl.endsWith(".ts")) return url;
  const root = new URL("../../../", import.meta.url);
  return new URL(`dist/${url.href.slice(root.href.length)}`, root);
}
