// Awaits are over before the next timer of the same batch
const log = s => console.log(String(s));
async function f(n) { log('timer ' + n); await null; log('await ' + n); }
setTimeout(() => f(1), 1); setTimeout(() => f(2), 1);
