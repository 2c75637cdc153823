// What an immediate settles goes on before the next immediate
const log = s => console.log(String(s));
let set; const p = new Promise(r => { set = r; });
(async () => { log('got ' + await p); process.nextTick(() => log('tick')); setImmediate(() => log('next turn')); })();
setImmediate(() => { set(1); log('settled'); });
setImmediate(() => log('second'));
