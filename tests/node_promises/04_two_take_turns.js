// Two tasks take turns at each await
const log = s => console.log(String(s));
async function f(n) { for (let i = 0; i < 3; i++) { log(n + i); await null; } }
f('a'); f('b');
