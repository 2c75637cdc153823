// Awaits, then timers and immediates
const log = s => console.log(String(s));
async function f() { await null; log('await'); }
setTimeout(() => { log('timer'); setImmediate(() => log('immediate')); f(); }, 1); f();
