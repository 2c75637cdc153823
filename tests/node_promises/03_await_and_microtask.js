// Awaits and microtasks share one queue, first come, first served
const log = s => console.log(String(s));
async function f(n) { await null; log('await ' + n); }
queueMicrotask(() => log('micro 1')); f(1); queueMicrotask(() => log('micro 2')); f(2);
