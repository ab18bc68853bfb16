/** Declares the parts of npm's configuration reader that fslc uses, because the package has no types. */
declare module "@npmcli/config" {
  export default class Config {
    constructor(options: {
      definitions: unknown;
      shorthands: unknown;
      flatten: unknown;
      nerfDarts?: unknown;
      npmPath: string;
      argv: readonly string[];
      env: Record<string, string | undefined>;
      cwd: string;
      warn: boolean;
    });
    load(): Promise<void>;
    /** The options as pacote takes them: registry, proxy, certificates, authentication, cache. */
    readonly flat: Record<string, unknown>;
  }
}
declare module "@npmcli/config/lib/definitions/index.js" {
  const all: {
    readonly definitions: unknown;
    readonly shorthands: unknown;
    readonly flatten: unknown;
    readonly nerfDarts: unknown;
  };
  export default all;
}
