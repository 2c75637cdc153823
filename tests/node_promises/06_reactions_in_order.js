// Reactions run in the order in which they were added
const log = s => console.log(String(s));
let set; const p = new Promise(r => { set = r; });
p.then(() => log(1)); p.then(() => log(2)); set(); p.then(() => log(3));
