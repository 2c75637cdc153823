// The second settling changes nothing for who awaits
const log = s => console.log(String(s));
let set; const p = new Promise(r => { set = r; });
set(1); set(2);
(async () => { log(await p); log(await p); })();
