/** Returns the version of the C library of this machine, or undefined where it is another one than glibc. Wheels are built for glibc. */
export function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
