/** All that the server can be asked for, in one table: the answers, and what the OpenAPI description says of them, come from it. */
import type { IncomingMessage } from "node:http";
import { printable } from "../../common/printable.js";
import { isSetName } from "../../runtime/deploy/support-sets.js";
import { Problem } from "./problem.js";
import type { Session } from "./session.js";
import { readImages, readJson } from "./uploads.js";

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** The path. A part in braces takes any text, which the handler gets under this name. */
  readonly path: string;
  readonly summary: string;
  /** The body that the request must have. */
  readonly body?: "images" | { readonly name: string; readonly nullable: boolean };
  /** The content of a good answer: the whole page, the scores of images, or a picture. */
  readonly answers: "view" | "scores" | "picture" | "health";
  readonly handle: (session: Session, asked: Asked) => Promise<unknown>;
}

export interface Asked {
  readonly request: IncomingMessage;
  /** The parts of the path that stand in braces. */
  readonly named: Readonly<Record<string, string>>;
}

export const routes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/health",
    summary: "Tells that the model is loaded",
    answers: "health",
    handle: async () => ({ status: "ok" }),
  },
  {
    method: "GET",
    path: "/api/view",
    summary: "Returns the classes with their examples, and the images with their scores",
    answers: "view",
    handle: (session) => session.view(),
  },
  {
    method: "POST",
    path: "/api/classify",
    summary: "Classifies images and keeps nothing of them",
    body: "images",
    answers: "scores",
    handle: async (session, { request }) => ({ images: await session.classify(await readImages(request)) }),
  },
  changing("POST", "/api/classes/{name}/images", "Adds examples to a class", "images", async (session, asked) =>
    session.addSupports(className(asked.named["name"]), await readImages(asked.request)),
  ),
  changing(
    "DELETE",
    "/api/classes/{name}",
    "Removes a class with its examples",
    undefined,
    async (session, { named }) => session.removeClass(named["name"] ?? ""),
  ),
  changing("POST", "/api/queries", "Adds images to be classified", "images", async (session, { request }) =>
    session.addQueries(await readImages(request)),
  ),
  changing(
    "PUT",
    "/api/queries/{id}/class",
    "Says which class an image is of, or `null` for none of them; it becomes an example",
    { name: "class", nullable: true },
    async (session, { request, named }) => {
      const { class: name } = await readJson(request);
      session.answer(named["id"] ?? "", name === null ? null : className(name));
    },
  ),
  {
    method: "GET",
    path: "/api/images/{id}",
    summary: "Returns an image as the model sees it",
    answers: "picture",
    handle: async (session, { named }) => session.pixels(named["id"] ?? ""),
  },
  changing("DELETE", "/api/images/{id}", "Removes an image", undefined, async (session, { named }) =>
    session.removeImage(named["id"] ?? ""),
  ),
  changing("POST", "/api/undo", "Takes the last change back", undefined, async (session) => session.undo()),
  changing(
    "PUT",
    "/api/sets/{name}",
    "Keeps the examples in the project under a name",
    undefined,
    async (session, asked) => session.save(setName(asked.named["name"])),
  ),
  changing("POST", "/api/sets/{name}/load", "Takes the examples of a kept set", undefined, async (session, asked) =>
    session.load(setName(asked.named["name"])),
  ),
];

/** Returns a route that changes what the page shows, and answers with all of it. */
function changing(
  method: Route["method"],
  path: string,
  summary: string,
  body: Route["body"],
  change: (session: Session, asked: Asked) => Promise<void>,
): Route {
  const handle = async (session: Session, asked: Asked): Promise<unknown> => {
    await change(session, asked);
    return await session.view();
  };
  return { method, path, summary, ...(body === undefined ? {} : { body }), answers: "view", handle };
}

/** The most characters in the name of a class. */
const longestName = 64;

/** @throws Problem 400 if a text cannot name a class */
function className(given: unknown): string {
  const name = typeof given === "string" ? given.trim() : "";
  if (name === "" || name.length > longestName || printable(name) !== name)
    throw new Problem(400, `a class has a name of 1 to ${longestName} characters that can be shown`);
  return name;
}

/** @throws Problem 400 if a text cannot name a set */
function setName(given = ""): string {
  if (!isSetName(given)) throw new Problem(400, "the name of a set has letters, digits, `.`, `_` and `-`, at most 64");
  return given;
}

/** Returns the route of a request with the named parts of its path. @throws Problem 404 or 405 */
export function findRoute(method: string, path: string): { readonly route: Route; readonly named: Asked["named"] } {
  const matching = routes.flatMap((route) => {
    const named = matchPath(route.path, path);
    return named === undefined ? [] : [{ route, named }];
  });
  const found = matching.find(({ route }) => route.method === method);
  if (found !== undefined) return found;
  if (matching.length === 0) throw new Problem(404, "`/openapi.json` says what can be asked for");
  throw new Problem(405, `it takes ${matching.map(({ route }) => route.method).join(" or ")}`);
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const parts = pattern.split("/");
  const given = path.split("/");
  if (parts.length !== given.length) return undefined;
  const named: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const text = given[i] ?? "";
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== text) return undefined;
    } else {
      try {
        named[name] = decodeURIComponent(text);
      } catch {
        throw new Problem(400, "the path has escapes that are no text");
      }
    }
  }
  return named;
}
