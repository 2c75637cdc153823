// Of two timers of one time, what the first settles goes on before the second
const log = s => console.log(String(s));
let set; const p = new Promise(r => { set = r; });
const g = async n => { log(n + ' ' + await p); await null; log(n + ' again'); };
g('a'); g('b');
setTimeout(() => { set('value'); process.nextTick(() => log('tick')); }, 1);
setTimeout(() => log('second timer'), 1);
const until = Date.now() + 20; while (Date.now() < until);
