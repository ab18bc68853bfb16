import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/seed.ts"],
    pool: "forks",
    testTimeout: 60_000,
  },
});
