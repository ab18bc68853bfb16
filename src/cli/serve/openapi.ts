/** Describes the HTTP interface as OpenAPI 3.1, from the table of routes. */
import { version } from "../../runtime/system/package.js";
import { type ProblemStatus, problemTitles } from "./problem.js";
import { type Route, routes } from "./routes.js";
import { limits } from "./uploads.js";

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const text = { type: "string" } as const;
const number = { type: "number" } as const;

/** An object whose fields all are there, unless they are named in `optional`. */
function object(properties: Readonly<Record<string, unknown>>, ...optional: readonly string[]) {
  return { type: "object", properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) };
}
const list = (items: unknown) => ({ type: "array", items });

const image = { id: text, name: { ...text, description: "the name of the uploaded file" } };
const scoredFields = {
  classes: list(object({ name: text, score: number, probability: number })),
  nearest: list(object({ id: text, class: text, distance: number })),
};
const schemas = {
  Health: object({ status: { const: "ok" } }),
  Problem: object({ type: text, title: text, status: { type: "integer" }, detail: text, code: text }, "code"),
  Scored: object(scoredFields),
  Scores: object({ images: list(object({ name: text, ...scoredFields })) }),
  View: object(
    {
      model: object({
        experiment: text,
        stage: text,
        metric: text,
        height: { type: "integer" },
        width: { type: "integer" },
      }),
      classes: list(object({ name: text, images: list(object(image)) })),
      queries: list(object({ ...image, said: text, result: reference("Scored") }, "said", "result")),
      canUndo: { type: "boolean" },
      sets: list(text),
      problem: text,
    },
    "problem",
  ),
};

const answers: Readonly<Record<Route["answers"], unknown>> = {
  health: { "application/json": { schema: reference("Health") } },
  view: { "application/json": { schema: reference("View") } },
  scores: { "application/json": { schema: reference("Scores") } },
  picture: { "image/png": {} },
};

export function openApi(): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "fslc serve", version, description: "Classifies images from a few examples of each class." },
    security: [{ token: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "the token of the printed address" } },
    },
  };
}

function operation({ path, summary, body, answers: kind }: Route): unknown {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const problems: ProblemStatus[] = [
    400,
    401,
    403,
    404,
    409,
    ...(body === undefined ? [] : ([408, 413, 415] as const)),
    421,
  ];
  const problem = { "application/problem+json": { schema: reference("Problem") } };
  return {
    summary,
    ...(names.length === 0
      ? {}
      : { parameters: names.map((name) => ({ name, in: "path", required: true, schema: text })) }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: {
      200: { description: "done", content: answers[kind] },
      ...Object.fromEntries(
        problems.map((status) => [status, { description: problemTitles[status], content: problem }]),
      ),
    },
  };
}

function requestBody(body: NonNullable<Route["body"]>): unknown {
  if (body !== "images") {
    const type = body.nullable ? ["string", "null"] : "string";
    return { required: true, content: { "application/json": { schema: object({ [body.name]: { type } }) } } };
  }
  const binary = { type: "string", contentMediaType: "image/*" };
  return {
    required: true,
    description: `at most ${limits.images} images of ${limits.imageBytes / 2 ** 20} MiB, and ${limits.requestBytes / 2 ** 20} MiB in all`,
    content: { "multipart/form-data": { schema: object({ images: list(binary) }) }, "image/*": {} },
  };
}
