// Awaits are over before the next immediate of the same phase
const log = s => console.log(String(s));
async function f(n) { log('immediate ' + n); await null; log('await ' + n); }
setImmediate(() => f(1)); setImmediate(() => f(2));
