// Who settles goes on first
const log = s => console.log(String(s));
let set; const p = new Promise(r => { set = r; });
(async () => { log('got ' + await p); })();
setTimeout(() => { set('value'); log('settled'); process.nextTick(() => log('tick')); }, 1);
