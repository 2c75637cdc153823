// A tick made after an await waits until the microtasks are over
const log = s => console.log(String(s));
async function f() { await null; process.nextTick(() => log('tick')); await null; log('await 2'); }
f(); queueMicrotask(() => log('micro'));
