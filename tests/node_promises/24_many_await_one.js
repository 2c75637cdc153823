// Many await one, in their order
const log = s => console.log(String(s));
let set; const p = new Promise(r => { set = r; });
async function f(n) { await p; log(n); await null; log(n + 10); }
f(1); f(2); f(3); setImmediate(() => set());
