// Equal sleeps: each goes on before the next timer of the batch
const log = s => console.log(String(s));
const sleep = ms => new Promise(r => setTimeout(r, ms));
async function f(n) { await sleep(5); log('awake ' + n); process.nextTick(() => log('tick ' + n)); }
f(1); f(2);
