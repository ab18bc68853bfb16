import { describe, expect, it } from "vitest";
import { erf } from "../../src/common/error-function.js";

/** 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): every term has the sign of x, so nothing cancels. */
function series(x: number): number {
  let term = x;
  let sum = term;
  for (let n = 1; n < 300; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

describe("erf", () => {
  it("is what its series gives, in each of its three ranges", () => {
    for (let i = -500; i <= 500; i++) {
      const x = i / 83;
      expect(Math.abs(erf(x) - series(x)), `erf(${x})`).toBeLessThan(1e-14 * Math.max(Math.abs(series(x)), 1e-3));
    }
  });

  it("ends at ±1, and is odd", () => {
    expect([erf(6), erf(1e300), erf(Number.POSITIVE_INFINITY), erf(-30)]).toEqual([1, 1, 1, -1]);
    expect([erf(0), erf(-0.3) + erf(0.3), erf(-2.5) + erf(2.5)]).toEqual([0, 0, 0]);
    expect(erf(Number.NaN)).toBeNaN();
  });
});
