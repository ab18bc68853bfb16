import { test, describe } from "vitest";
import { agrees, engines } from "./support.js";
import { draw, freshOps, programOf, random } from "../tensor/support.js";
const e = engines.onednn.make();
for (const [n,c,o,h] of [[18,3,8,20],[18,8,8,10],[4,16,16,8],[4,3,16,8],[4,16,8,8],[36,3,8,20],[2,8,8,20]] as const)
  for (const which of ["fwd","dx","dw"] as const)
    test(`${which} n${n} c${c} o${o} h${h}`, async () => {
      const q = freshOps();
      const attrs = { stride: [1,1] as const, pad: [1,1,1,1] as const, groups: 1 };
      const x = q.input("x",[n,c,h,h]); const w = q.input("w",[o,c,3,3]); const dy = q.input("dy",[n,o,h,h]);
      const r = which==="fwd" ? q.conv2d(x,w,attrs) : which==="dx" ? q.conv2dInputGrad(dy,w,{...attrs,inputSize:[h,h]}) : q.conv2dFilterGrad(x,dy,{...attrs,filterSize:[3,3]});
      const next = random(3);
      const ins = which==="fwd"?[x,w]:which==="dx"?[dy,w]:[x,dy];
      const vals = Object.fromEntries(ins.map(i=>[(i as any).attrs.name, draw({shape:i.shape,dtype:"f32",domain:"real"},"distinct",next)]));
      await agrees(e, programOf([r],ins), vals, 1e-4);
    });
